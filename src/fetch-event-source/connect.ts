/** A `Connect` that uses @microsoft/fetch-event-source, with that package's retries and visibility handling disabled. */
import { onAbort } from '../base/abort-listeners.ts'
import { StreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-error.ts'
import type { Batch, Connect, ConnectRequest, Connection } from '../connect/connect.ts'
import { networkError } from '../connect/network-error.ts'
import { type BodyReader, openBody } from '../connect/read-body.ts'
import { sendRequest } from '../connect/send-request.ts'
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
            `@microsoft/fetch-event-source requires a document: ${formatRequestLabel(request)}`,
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
  const removeAbortListener = onAbort(signal, () => controller.abort(signal.reason))
  let pendingRead: PendingRead | undefined
  let allowChunk: (() => void) | undefined // releases the next chunk to `fetchEventSource`
  let batch: Batch = { blocks: [], bytes: 0 }
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
    new StreamError(
      'too-large',
      `Event exceeds ${maxEventSize} characters (maxEventSize): ${formatRequestLabel(request)}`,
    )

  /**
   * Creates a body that supplies one chunk per `read()`. When `pull` is called, the previous chunk has been parsed, and
   * its batch is complete.
   */
  const createGatedBody = (body: BodyReader): ReadableStream<Uint8Array<ArrayBuffer>> =>
    new ReadableStream(
      {
        async pull(bodyController) {
          serveRead()
          if (charsSinceMessage > maxEventSize) throw tooLargeError()
          if (!pendingRead) await new Promise<void>((resolve) => (allowChunk = resolve))
          const slice = await body.read()
          if (!slice) return bodyController.close()
          batch.bytes = slice.length
          // Counts UTF-16 code units: continuation bytes count as 0, first bytes of four-byte sequences (surrogate pairs) as 2.
          for (const byte of slice) charsSinceMessage += byte >> 6 === 2 ? 0 : byte < 0xf0 ? 1 : 2
          // A copy, because the package keeps a chunk that ends in the middle of a line.
          bodyController.enqueue(new Uint8Array(slice))
        },
      },
      { highWaterMark: 0 },
    )

  return new Promise((resolve, reject) => {
    const finish = (outcome: { error?: unknown }): void => {
      finalOutcome = outcome
      removeAbortListener()
      serveRead()
      if ('error' in outcome) reject(outcome.error)
    }
    // `fetchEventSource` does not check whether its signal is already aborted.
    if (signal.aborted) return finish({ error: signal.reason })

    fetchEventSource(request.url, {
      signal: controller.signal,
      openWhenHidden: true,
      async fetch(_input, init) {
        const attempt = { ...request, signal: init?.signal ?? controller.signal }
        const response = await sendRequest(attempt, fetch, fetchFollowingRedirects)
        const body = openBody(response, attempt)
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
          readText: body.readText,
          cancel() {
            controller.abort()
            body.cancel()
          },
        })
        return new Response(createGatedBody(body))
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
      async (error: unknown) =>
        finish({ error: error instanceof StreamError ? error : await networkError(request, error) }),
    )
  })
}
