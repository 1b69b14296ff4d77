/** Connections by @microsoft/fetch-event-source, which is given in, with its own retries and its visibility policy switched off. */
import { StreamError } from '../base/errors.ts'
import type { Block } from '../sse/parse.ts'
import type { Batch, Connect, ConnectRequest, Connection } from '../connect/connect.ts'
import { MAX_SLICE_BYTES, networkError, sendRequest } from '../connect/fetch.ts'
import { readText } from '../connect/read-text.ts'
import { fetchFollowingRedirects } from '../connect/redirect.ts'

/** As much of `fetchEventSource` as is used here. */
export type FetchEventSource = (
  input: string,
  init: {
    signal: AbortSignal
    openWhenHidden: boolean
    fetch(input: unknown, init?: { signal?: AbortSignal | null }): Promise<Response>
    onopen(): Promise<void>
    onmessage(message: { id: string; event: string; data: string; retry?: number }): void
    onerror(error: unknown): never
  },
) => Promise<void>

/**
 * Makes connections with the `fetchEventSource` of @microsoft/fetch-event-source. It cannot tell an empty id or empty data
 * from none, misses fields without a colon, takes `10ms` for a `retry`, and works only where there is a document.
 * Elsewhere requests fail at once, and are not tried again.
 * @param fetch the one that it uses; without one the global one as it is at the time
 */
export function fetchEventSourceConnect(fetchEventSource: FetchEventSource, fetch?: typeof globalThis.fetch): Connect {
  return (request) =>
    typeof document === 'undefined'
      ? Promise.reject(
          new StreamError(
            'network',
            `fetch-event-source needs a document, here is none: ${request.method} request not sent`,
          ),
        )
      : openConnection(fetchEventSource, fetch, request)
}

interface PendingRead {
  resolve(batch: Batch | null): void
  reject(error: unknown): void
}

function openConnection(
  fetchEventSource: FetchEventSource,
  fetch: typeof globalThis.fetch | undefined,
  request: ConnectRequest,
): Promise<Connection> {
  const { maxEventSize, signal } = request
  const controller = new AbortController()
  const onAbort = (): void => controller.abort(signal.reason)
  let pendingRead: PendingRead | undefined
  let allowChunk: (() => void) | undefined // lets the next chunk through
  let batch: Batch = { blocks: [], bytes: 0 }
  let chunk: Uint8Array = new Uint8Array()
  let charsSinceMessage = 0 // characters since the last message
  let finalOutcome: { error?: unknown } | undefined

  /** Settles the read under way, and those after it: what is whole comes before the end. */
  const serveRead = (): void => {
    if (!pendingRead) return
    const { resolve, reject } = pendingRead
    if (batch.bytes && (!finalOutcome || batch.blocks.length)) resolve(batch)
    else if (!finalOutcome) return
    else if ('error' in finalOutcome) reject(finalOutcome.error)
    else resolve(null)
    pendingRead = undefined
    batch = { blocks: [], bytes: 0 }
  }
  const tooLargeError = (): StreamError => new StreamError('too-large', `Event longer than ${maxEventSize}`)

  /** A body that gives a chunk for each `read()`. It is pulled when the last chunk was parsed, so then its batch is whole. */
  const createGatedBody = (reader: ReadableStreamDefaultReader<Uint8Array>): ReadableStream<Uint8Array> =>
    new ReadableStream(
      {
        async pull(bodyController) {
          serveRead()
          if (charsSinceMessage > maxEventSize) throw tooLargeError()
          if (!pendingRead) await new Promise<void>((resolve) => (allowChunk = resolve))
          if (!chunk.length) {
            const { done, value } = await reader.read()
            if (done) return bodyController.close()
            chunk = value
          }
          const slice = chunk.subarray(0, MAX_SLICE_BYTES)
          chunk = chunk.subarray(MAX_SLICE_BYTES)
          batch.bytes = slice.length
          // Characters: no byte that continues one counts, and what is a surrogate pair counts twice.
          for (const byte of slice) charsSinceMessage += byte >> 6 === 2 ? 0 : byte < 0xf0 ? 1 : 2
          bodyController.enqueue(slice)
        },
      },
      { highWaterMark: 0 },
    )

  return new Promise((resolve, reject) => {
    const finish = (outcome: { error?: unknown }): void => {
      finalOutcome = outcome
      signal.removeEventListener('abort', onAbort)
      serveRead()
      if ('error' in outcome) reject(outcome.error)
    }
    // It does not see that a signal has aborted before.
    if (signal.aborted) return finish({ error: signal.reason })
    signal.addEventListener('abort', onAbort)

    fetchEventSource(request.url, {
      signal: controller.signal,
      openWhenHidden: true,
      async fetch(_input, init) {
        const response = await sendRequest(
          { ...request, signal: init?.signal ?? controller.signal },
          fetch,
          fetchFollowingRedirects,
        )
        const reader = response.body?.getReader()
        resolve({
          status: response.status,
          url: response.url || request.url,
          headers: response.headers,
          read: () =>
            new Promise((resolve, reject) => {
              pendingRead = { resolve, reject }
              if (finalOutcome) serveRead()
              else allowChunk?.()
            }),
          readText: (maxBytes) => readText(async () => (await reader?.read())?.value, maxBytes),
          cancel() {
            controller.abort()
            // What it rejects with is of a connection that nobody wants.
            reader?.cancel().catch(() => {})
          },
        })
        return { body: reader ? createGatedBody(reader) : new Response('').body } as Response
      },
      async onopen() {},
      onmessage({ id, event, data, retry }) {
        charsSinceMessage = 0
        if (data.length > maxEventSize) throw tooLargeError()
        if (retry !== undefined && retry >= 0) batch.retry = retry
        const ownId = id.includes('\0') ? '' : id
        const block: Block = { type: event || 'message', data: data || undefined, id: ownId || undefined }
        if (data || ownId) batch.blocks.push(block)
      },
      onerror(error) {
        throw error
      },
    }).then(
      () => finish(controller.signal.aborted ? { error: controller.signal.reason } : {}),
      (error: unknown) => finish({ error: error instanceof StreamError ? error : networkError(request, error) }),
    )
  })
}
