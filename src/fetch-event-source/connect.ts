/** A `Connect` that uses @microsoft/fetch-event-source, with that package's retries and visibility handling disabled. */
import { StreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-label.ts'
import type { Batch, Connect, ConnectRequest, Connection } from '../connect/connect.ts'
import { networkError } from '../connect/network-error.ts'
import { MAX_SLICE_BYTES } from '../connect/read-body.ts'
import { sendRequest } from '../connect/send-request.ts'
import { readText } from '../connect/read-text.ts'
import { fetchFollowingRedirects } from '../connect/redirect.ts'
import type { Block } from '../sse/parse.ts'

/** The part of the `fetchEventSource` function that `fetchEventSourceConnect` uses. */
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
 * Returns a `Connect` that reads streams with the `fetchEventSource` of @microsoft/fetch-event-source. The package's
 * parser does not distinguish an empty id or empty data from a missing one, ignores fields without a colon, and accepts
 * `retry: 10ms`. The package requires a document; without one, requests fail at once with a `network` error that is not
 * retried.
 * @param fetch The `fetch` to use; defaults to the global `fetch`, looked up on each request.
 * @example createClient({ connect: fetchEventSourceConnect(fetchEventSource) })
 */
export function fetchEventSourceConnect(fetchEventSource: FetchEventSource, fetch?: typeof globalThis.fetch): Connect {
  return (request) =>
    typeof document === 'undefined'
      ? Promise.reject(
          new StreamError(
            'network',
            `@microsoft/fetch-event-source requires a document: ${formatRequestLabel(request.method, request.url)}`,
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
  let allowChunk: (() => void) | undefined // releases the next chunk to `fetchEventSource`
  let batch: Batch = { blocks: [], bytes: 0 }
  let chunk: Uint8Array = new Uint8Array()
  let charsSinceMessage = 0
  let finalOutcome: { error?: unknown } | undefined

  /** Settles the pending read with the batch, or with the final outcome once all complete messages have been read. */
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
  const tooLargeError = (): StreamError =>
    new StreamError('too-large', `Event exceeds ${maxEventSize} characters (maxEventSize)`)

  /**
   * Creates a body that supplies one chunk per `read()`. When `pull` is called, the previous chunk has been parsed, and
   * its batch is complete.
   */
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
          // Counts UTF-16 code units: continuation bytes count as 0, first bytes of four-byte sequences (surrogate pairs) as 2.
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
    // `fetchEventSource` does not check whether its signal is already aborted.
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
            // A rejection is ignored: the connection is no longer needed.
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
