/** The `Response` of a stream: hosts of fetch handlers read its body, and `toNode` takes the reader itself. */
import type { Sink, Source } from './sink.ts'

/** Key of the reader in a response. Registered, so that two copies of this package recognize each other's responses. */
const SOURCE = Symbol.for('rivulet.source')

/** Headers of an event stream (PROTOCOL.md 1.1). */
const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
}

/**
 * Creates a body that starts the reader when it is first read, and holds no more than one write. Ends cleanly when
 * `signal` aborts.
 */
function createBody(source: Source, signal: AbortSignal): ReadableStream<Uint8Array> {
  let controller: ReadableStreamDefaultController<Uint8Array>
  let state: 'new' | 'open' | 'closed' = 'new'
  /** Whether the consumer has asked for more since the last write. */
  let isWanted = false
  let isWriting = false
  const close = (): void => {
    if (state === 'closed') return
    state = 'closed'
    controller.close()
  }
  const sink: Sink = {
    write(bytes) {
      isWanted = false
      isWriting = true
      controller.enqueue(bytes)
      isWriting = false
      return isWanted
    },
    end: close,
    // An early end is what clients of both kinds of streams recognize; an error would make hosts print it.
    cut: close,
  }
  const leave = (): void => {
    source.leave()
    close()
  }
  return new ReadableStream<Uint8Array>(
    {
      start(created) {
        controller = created
        if (signal.aborted) leave()
        else signal.addEventListener('abort', leave, { once: true })
      },
      pull() {
        isWanted = true
        if (state === 'new') {
          state = 'open'
          source.start(sink)
        } else if (!isWriting) source.drained()
      },
      cancel() {
        state = 'closed'
        source.leave()
      },
    },
    { highWaterMark: 0 },
  )
}

/** Creates the response. `signal` aborts when the client disconnects, where the host tells. */
export function streamResponse(source: Source, headers: Headers, signal: AbortSignal): Response {
  for (const [name, value] of Object.entries(STREAM_HEADERS)) headers.set(name, value)
  return Object.defineProperty(new Response(createBody(source, signal), { headers }), SOURCE, { value: source })
}

/** Returns the reader of a response from `streamResponse`. */
export const sourceOf = (response: Response): Source | undefined => (response as { [SOURCE]?: Source })[SOURCE]
