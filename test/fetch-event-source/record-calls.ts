/** Runs a `fetchEventSource` implementation against the canned response server, and records its callbacks and requests. */
import type { FetchEventSourceInit } from '../../src/fetch-event-source.ts'
import type { CannedResponseServer } from '../event-source/standard/canned-response-server.ts'
import type { CannedResponse, ReceivedRequest } from '../event-source/standard/case.ts'

export type Implementation = (input: RequestInfo, init: FetchEventSourceInit) => Promise<void>

/** One way to call `fetchEventSource`. The callbacks in `init` may add to the recorded `calls`. */
export interface Usage {
  answers: CannedResponse[]
  init?(calls: unknown[], abort: () => void): FetchEventSourceInit
  input?(url: string): RequestInfo
}

export interface Recording {
  /** The callback calls in order, and the outcome. */
  calls: unknown[]
  requests: (Pick<ReceivedRequest, 'method' | 'body'> & { id: string | undefined; headers: Record<string, string> })[]
}

let recordingCount = 0

export async function recordCalls(
  implementation: Implementation,
  server: CannedResponseServer,
  { answers, init, input }: Usage,
): Promise<Recording> {
  const key = String(recordingCount++)
  const url = `${server.url}/answer?${new URLSearchParams({ key, answers: JSON.stringify(answers) })}`
  const calls: unknown[] = []
  const controller = new AbortController()
  const userInit = init?.(calls, () => controller.abort()) ?? {}
  const recordError = (kind: string, error: unknown): unknown =>
    calls.push(`${kind} ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`)
  try {
    await implementation(input?.(url) ?? url, {
      signal: controller.signal,
      ...userInit,
      onmessage(message) {
        calls.push({ ...message })
        userInit.onmessage?.(message)
      },
      onclose() {
        calls.push('close')
        userInit.onclose?.()
      },
      onerror(error: unknown) {
        recordError('error', error)
        if (userInit.onerror) return userInit.onerror(error)
        throw error
      },
      ...(userInit.onopen && {
        async onopen(response) {
          calls.push(`open ${response.status}`)
          await userInit.onopen!(response)
        },
      }),
    })
    calls.push('resolved')
  } catch (error) {
    recordError('rejected', error)
  }
  const response = await fetch(`${server.url}/requests?key=${key}`)
  const seen = (await response.json()) as ReceivedRequest[]
  return {
    calls,
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
