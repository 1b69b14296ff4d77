/** Reads the body of a response as bytes, also the body of a `fetch` that does not return a stream of bytes. */
import { onAbort, throwIfAborted } from '../base/abort-listeners.ts'
import type { ConnectRequest } from './connect.ts'
import { networkError, unsupportedError } from './network-error.ts'
import { readText } from './read-text.ts'

/**
 * Largest slice that is parsed at once, in bytes. A busy Chromium delivers chunks of up to 1.9 MiB, which exceed the CPU
 * caches, whereas each read of a smaller slice has a cost of its own (measured with bench/clients).
 */
export const MAX_SLICE_BYTES = 262_144

export interface BodyReader {
  /**
   * Resolves with the next bytes, at most `MAX_SLICE_BYTES`, which are valid until the next call; or with `undefined` at
   * the end. Rejects with code `network`, with code `unsupported` if the body cannot be read, or with `signal.reason`.
   */
  read(): Promise<Uint8Array | undefined>
  /** Resolves with the first `maxBytes` of the body as text. Called instead of `read()`. */
  readText(maxBytes: number): Promise<string>
  /** Cancels the body. Idempotent. */
  cancel(): void
}

/** The part of a stream reader that is used here. A default reader ignores the buffer. */
interface Reader {
  read(buffer?: Uint8Array): Promise<{ done: boolean; value?: unknown }>
  cancel(): Promise<void>
  releaseLock(): void
}

/** Opens the body of a response. A body that cannot be read is an error only once it is read. */
export function openBody(response: Response, request: ConnectRequest): BodyReader {
  const { signal } = request
  const isUsed = response.bodyUsed || response.body?.locked
  const stream = toStream(response.body)
  let reader = stream && !isUsed ? openReader(stream) : undefined
  /** Memory that the reader fills, once it was worth it. */
  let buffer: ArrayBufferLike | undefined
  let chunk: Uint8Array = new Uint8Array()
  const cancel = (): void => {
    removeAbortListener()
    // Not awaited, because `cancel()` of a cloned body may hang. Failures do not matter: the body is no longer used.
    reader?.cancel().catch(() => {})
  }
  // The platform's fetch cancels the body itself, but a replacement may ignore the signal.
  const removeAbortListener = onAbort(signal, cancel)
  const unsupported = (reason: string): unknown => unsupportedError(request, `Cannot read the response, ${reason}`)

  const read = async (): Promise<Uint8Array | undefined> => {
    throwIfAborted(signal)
    if (response.body === null) return undefined
    if (!reader) throw unsupported(isUsed ? 'its body is locked or already used' : 'this fetch does not stream')
    while (!chunk.length) {
      let result
      try {
        result = await reader.read(buffer && new Uint8Array(buffer))
        throwIfAborted(signal)
      } catch (cause) {
        throw await networkError(request, cause)
      }
      if (result.done) {
        removeAbortListener()
        return undefined
      }
      // Also true for bytes from another realm (jsdom).
      if (!ArrayBuffer.isView(result.value)) {
        cancel()
        throw unsupported('its chunks are not bytes')
      }
      chunk = result.value as Uint8Array
      // The stream has detached the buffer and returns the same memory as a new buffer.
      if (buffer) buffer = chunk.buffer
      else if (chunk.length > MAX_SLICE_BYTES) {
        // Under load, allocating each chunk costs more than filling it, so one buffer is reused from now on. For small
        // chunks, transferring the buffer to the stream and back would cost more than allocating.
        reader.releaseLock()
        reader = openReader(stream!, 'byob')
        buffer = new ArrayBuffer(MAX_SLICE_BYTES)
      }
    }
    const slice = chunk.subarray(0, MAX_SLICE_BYTES)
    chunk = chunk.subarray(MAX_SLICE_BYTES)
    return slice
  }

  return {
    read,
    async readText(maxBytes) {
      // React Native has the text of a response, although it has no stream.
      if (response.body !== undefined || !response.text) return readText(read, maxBytes)
      try {
        return (await response.text()).slice(0, maxBytes)
      } catch (cause) {
        throw await networkError(request, cause)
      }
    },
    cancel,
  }
}

/** Cancels a body that will not be read. */
export function cancelBody({ body }: Response): void {
  if (!body?.locked)
    toStream(body)
      ?.cancel()
      .catch(() => {})
}

/** The part of a stream that is used here. */
interface Stream {
  getReader(options?: { mode: 'byob' | undefined }): Reader
  cancel(): Promise<void>
}

/**
 * Returns the body as a stream: the body itself; or one that reads the body of node-fetch, a stream of Node, or any other
 * async iterable, also where the platform has no `ReadableStream`.
 */
function toStream(
  body: (Partial<ReadableStream> & Partial<AsyncIterable<unknown>> & { destroy?(): void }) | null,
): Stream | undefined {
  if (typeof body?.getReader === 'function') return body as unknown as Stream
  const iterator = body?.[Symbol.asyncIterator]?.()
  if (!iterator) return undefined
  let endRead: (result: { done: true }) => void = () => {}
  const cancel = async (): Promise<void> => {
    // While `next()` is pending, `return()` of an async generator has no effect.
    endRead({ done: true })
    body!.destroy?.()
    await iterator.return?.()
  }
  const read = (): ReturnType<Reader['read']> =>
    new Promise((resolve, reject) => {
      endRead = resolve
      iterator.next().then(({ done = false, value }) => resolve({ done, value }), reject)
    })
  return { getReader: () => ({ read, cancel, releaseLock() {} }), cancel }
}

function openReader(stream: Stream, mode?: 'byob'): Reader {
  try {
    return stream.getReader({ mode })
  } catch {
    // The body is not a byte stream (for example, because the page created it), or the platform lacks byte streams.
    return stream.getReader()
  }
}
