/** A `fetch` whose response bodies are written by the test. */

export interface FetchCall {
  url: string
  init: RequestInit
  headers: Headers
  /** Resolves the call. */
  respond(init?: ResponseInit): ScriptedBody
  fail(error: unknown): void
}

export interface ScriptedBody {
  /** Enqueues one chunk. */
  write(chunk: string | Uint8Array): void
  close(): void
  error(reason: unknown): void
  /** The reason passed to `cancel()`, once the reader has cancelled. */
  readonly cancelled: { reason: unknown } | undefined
  /** Number of chunks requested by the reader. */
  readonly pullCount: number
}

export interface ScriptedFetch {
  fetch: typeof fetch
  calls: FetchCall[]
}

const encoder = new TextEncoder()

/** Creates a scripted fetch. Responses are event streams by default; as with real fetch, an abort makes them fail. */
export function createScriptedFetch(): ScriptedFetch {
  const calls: FetchCall[] = []
  return {
    calls,
    fetch: (input, init = {}) =>
      new Promise((resolve, reject) => {
        const { signal } = init
        signal?.addEventListener('abort', () => reject(signal.reason as Error))
        calls.push({
          url: input instanceof Request ? input.url : input.toString(),
          init,
          headers: new Headers(init.headers),
          respond(options = {}) {
            let controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>
            let cancelled: { reason: unknown } | undefined
            let pullCount = 0
            const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
              {
                start: (streamController) => void (controller = streamController),
                pull: () => void pullCount++,
                cancel: (reason) => void (cancelled = { reason }),
              },
              { highWaterMark: 0 },
            )
            signal?.addEventListener('abort', () => controller.error(signal.reason))
            resolve(new Response(body, { headers: { 'content-type': 'text/event-stream' }, ...options }))
            return {
              write: (chunk) =>
                controller.enqueue(typeof chunk === 'string' ? encoder.encode(chunk) : new Uint8Array(chunk)),
              close: () => controller.close(),
              error: (reason) => controller.error(reason),
              get cancelled() {
                return cancelled
              },
              get pullCount() {
                return pullCount
              },
            }
          },
          fail: (error) => reject(error),
        })
      }),
  }
}
