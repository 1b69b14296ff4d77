/** Runs a `fetchEventSource`, theirs or ours, on the answering server, and writes down all that can be seen of it. */
import type { FetchEventSourceInit } from '../../src/fetch-event-source.ts'
import type { AnsweringServer } from '../event-source/standard/canned-response-server.ts'
import type { Answer, SeenRequest } from '../event-source/standard/case.ts'

export type Implementation = (input: RequestInfo, init: FetchEventSourceInit) => Promise<void>

/** One way of using it: callbacks that may write into `heard`, beside what is written anyhow. */
export interface Use {
  answers: Answer[]
  init?(heard: unknown[], abort: () => void): FetchEventSourceInit
  input?(address: string): RequestInfo
}

export interface Recording {
  /** What was called, in order, and how it ended. */
  heard: unknown[]
  requests: (Pick<SeenRequest, 'method' | 'body'> & { id: string | undefined; headers: Record<string, string> })[]
}

let count = 0

export async function record(
  implementation: Implementation,
  server: AnsweringServer,
  { answers, init, input }: Use,
): Promise<Recording> {
  const key = String(count++)
  const address = `${server.url}/answer?${new URLSearchParams({ key, answers: JSON.stringify(answers) })}`
  const heard: unknown[] = []
  const controller = new AbortController()
  const own = init?.(heard, () => controller.abort()) ?? {}
  const tell = (what: string, error: unknown): unknown =>
    heard.push(`${what} ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`)
  try {
    await implementation(input?.(address) ?? address, {
      signal: controller.signal,
      ...own,
      onmessage(message) {
        heard.push({ ...message })
        own.onmessage?.(message)
      },
      onclose() {
        heard.push('close')
        own.onclose?.()
      },
      onerror(error: unknown) {
        tell('error', error)
        if (own.onerror) return own.onerror(error)
        throw error
      },
      ...(own.onopen && {
        async onopen(response) {
          heard.push(`open ${response.status}`)
          await own.onopen!(response)
        },
      }),
    })
    heard.push('resolved')
  } catch (error) {
    tell('rejected', error)
  }
  const response = await fetch(`${server.url}/requests?key=${key}`)
  const seen = (await response.json()) as SeenRequest[]
  return {
    heard,
    requests: seen.map(({ method, body, headers }) => ({
      method,
      body,
      id: headers['last-event-id'],
      headers: Object.fromEntries(
        Object.entries(headers).filter(([name]) => name === 'accept' || name.startsWith('x-')),
      ),
    })),
  }
}
