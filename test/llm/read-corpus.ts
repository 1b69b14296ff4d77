/** Reads the synthetic streams of the vendors with the client: whole, in pieces, and cut. */
import { readFileSync, readdirSync } from 'node:fs'
import { isStreamError } from '../../src/base/errors.ts'
import { createClient } from '../../src/client/client.ts'
import type { Delta, Message } from '../../src/message/message.ts'
import { anthropic } from '../../src/protocols/anthropic.ts'
import { agUi } from '../../src/protocols/ag-ui.ts'
import { aiSdk } from '../../src/protocols/ai-sdk.ts'
import { gemini } from '../../src/protocols/gemini.ts'
import { langgraph } from '../../src/protocols/langgraph.ts'
import { openaiChat } from '../../src/protocols/openai-chat.ts'
import { openaiResponses } from '../../src/protocols/openai-responses.ts'
import type { Protocol } from '../../src/protocols/protocol.ts'
import { createManualClock } from '../support/manual-clock.ts'

const root = new URL('corpus/', import.meta.url)

/** The protocol of each vendor, by the name of its folder. */
export const vendors: Readonly<Record<string, () => Protocol<Delta, unknown, Message>>> = {
  'openai-chat': () => openaiChat(),
  'openai-responses': () => openaiResponses(),
  anthropic: () => anthropic(),
  gemini: () => gemini(),
  'ai-sdk': () => aiSdk(),
  'ag-ui': () => agUi(),
  langgraph: () => langgraph(),
}

/** A stream of a vendor, and what must be made of it. */
export interface Sample {
  readonly vendor: string
  readonly name: string
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The expected outcome, as JSON. */
  readonly expected: unknown
}

const readText = (path: string): string => readFileSync(new URL(path, root), 'utf8')

/** All streams of all vendors. */
export const samples: readonly Sample[] = Object.keys(vendors).flatMap((vendor) =>
  readdirSync(new URL(`${vendor}/`, root))
    .filter((file) => file.endsWith('.txt'))
    .map((file) => ({
      vendor,
      name: file.slice(0, -'.txt'.length),
      bytes: new TextEncoder().encode(readText(`${vendor}/${file}`)),
      expected: JSON.parse(readText(`${vendor}/${file.replace(/txt$/, 'json')}`)) as unknown,
    })),
)

/** How a run has ended, as plain JSON: its result, or its error; and the message that it had made. */
export interface Outcome {
  readonly text?: string
  readonly finishReason?: string
  readonly error?: { readonly code: string; readonly message: string; readonly serverCode?: string }
  readonly message?: Message
}

/** Reads a stream that arrives in `chunks` and then ends. */
export async function readChunks(vendor: string, chunks: readonly Uint8Array<ArrayBuffer>[]): Promise<Outcome> {
  const client = createClient({
    baseUrl: 'https://api.test',
    clock: createManualClock(),
    fetch: () => Promise.resolve(eventStream(chunks)),
    onError: () => {},
  })
  const run = client.stream('/v1/answers', { json: {}, protocol: vendors[vendor]!() })
  let outcome: unknown
  try {
    outcome = await run.final()
  } catch (error) {
    if (!isStreamError(error)) throw error
    const { code, message, serverCode } = error
    outcome = {
      error: { code, ...(code === 'server' && { message, serverCode }) },
      text: run.text,
      message: run.message,
    }
  }
  return JSON.parse(JSON.stringify(outcome)) as Outcome
}

function eventStream(chunks: readonly Uint8Array<ArrayBuffer>[]): Response {
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
      controller.close()
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}
