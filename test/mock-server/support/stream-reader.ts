/** A client on plain `fetch` that reads only as much as a test needs. */
import { type Block, blocksOf } from './blocks.ts'

export interface StreamReader {
  readonly response: Response
  /** The text received so far. */
  readonly text: string
  readonly blocks: Block[]
  readonly events: Block[]
  /** Reads until there are at least `count` events. */
  readEvents(count: number): Promise<Block[]>
  /** Reads one more chunk; rejects at the end of the stream. */
  readChunk(): Promise<void>
  /** Reads until the received text contains `text`. */
  readUntil(text: string): Promise<void>
  /** Reads to the end; `error` is set if the body failed. */
  readToEnd(): Promise<{ events: Block[]; error: unknown }>
  /** Aborts the request. */
  close(): void
}

type Fetch = (input: string, init?: RequestInit) => Promise<Response>

/** Opens a stream; resolves when the response headers have arrived. */
export async function openStreamReader(
  url: string,
  init: RequestInit = {},
  fetch: Fetch = globalThis.fetch,
): Promise<StreamReader> {
  const controller = new AbortController()
  const response = await fetch(url, { ...init, signal: controller.signal })
  const reader = response.body?.getReader()
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let text = ''
  const readMore = async (): Promise<boolean> => {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
    if (!done) text += decoder.decode(value, { stream: true })
    return !done
  }
  const currentEvents = (): Block[] => blocksOf(text).filter(({ data }) => data !== undefined)
  const readWhile = async (description: string, condition: () => boolean): Promise<void> => {
    while (!condition())
      if (!(await readMore())) throw new Error(`The stream ended before ${description}; received: ${text}`)
  }
  return {
    response,
    get text() {
      return text
    },
    get blocks() {
      return blocksOf(text)
    },
    get events() {
      return currentEvents()
    },
    async readEvents(count) {
      await readWhile(`${count} events`, () => currentEvents().length >= count)
      return currentEvents()
    },
    async readChunk() {
      if (!(await readMore())) throw new Error(`The stream ended; received: ${text}`)
    },
    readUntil: (part) => readWhile(JSON.stringify(part), () => text.includes(part)),
    async readToEnd() {
      try {
        while (await readMore());
        return { events: currentEvents(), error: undefined }
      } catch (error) {
        return { events: currentEvents(), error }
      }
    },
    close: () => controller.abort(),
  }
}
