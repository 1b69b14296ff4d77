/** Reads the body of a response as bytes, also the body of a `fetch` that does not return a stream of bytes. */
import { onAbort } from '../base/abort-listeners.ts'
import { StreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-label.ts'
import type { ConnectRequest } from './connect.ts'
import { networkError } from './network-error.ts'
import { readText } from './read-text.ts'

/**
 * Largest slice that is parsed at once, in bytes: a busy Chromium delivers chunks of up to 1.9 MiB, which exceed the
 * CPU caches (measured with bench/clients).
 */
export const MAX_SLICE_BYTES = 65_536

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

/** The kinds of bodies: what `openBody` reads. */
interface ChunkSource {
  read(): Promise<{ done?: boolean | undefined; value?: unknown }>
  /** Called with each chunk, before the next `read()`. */
  onChunk?(chunk: Uint8Array): void
  cancel(): void
}

/** Opens the body of a response. A body that cannot be read is an error only once it is read. */
export function openBody(response: Response, request: ConnectRequest): BodyReader {
  const { signal } = request
  const source = openSource(response)
  let chunk: Uint8Array = new Uint8Array()
  const cancel = (): void => {
    removeAbortListener()
    if (typeof source !== 'string') source.cancel()
  }
  // The platform's fetch cancels the body itself, but a replacement may ignore the signal.
  const removeAbortListener = onAbort(signal, cancel)
  const unsupported = (reason: string): StreamError =>
    new StreamError(
      'unsupported',
      `Cannot read the response, ${reason}: ${formatRequestLabel(request.method, request.url)}`,
    )

  const read = async (): Promise<Uint8Array | undefined> => {
    if (signal.aborted) throw signal.reason
    if (typeof source === 'string') throw unsupported(source)
    while (!chunk.length) {
      let result
      try {
        result = await source.read()
      } catch (cause) {
        throw networkError(request, cause)
      }
      if (signal.aborted) throw signal.reason
      const { done, value } = result
      if (done) {
        removeAbortListener()
        return undefined
      }
      if (!isBytes(value)) {
        cancel()
        throw unsupported('its chunks are not bytes')
      }
      source.onChunk?.(value)
      chunk = value
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
        throw networkError(request, cause)
      }
    },
    cancel,
  }
}

/** Cancels a body that will not be read: a stream, or a stream of Node. Failures do not matter. */
export function cancelBody({ body }: Response): void {
  const stream = body as { cancel?(): Promise<void>; destroy?(): void } | null | undefined
  stream?.cancel?.().catch(() => {})
  stream?.destroy?.()
}

/** Returns the source of a body's chunks, or the reason why the body cannot be read. */
function openSource({ body, bodyUsed }: Response): ChunkSource | string {
  if (body === null) return { read: async () => ({ done: true }), cancel() {} }
  if (bodyUsed || body?.locked) return 'its body is locked or already used'
  if (typeof body?.getReader === 'function') return openStream(body)
  if (body?.[Symbol.asyncIterator]) return openIterable(body)
  return 'this fetch does not stream'
}

/** The part of a stream reader that is used here. A default reader ignores the buffer. */
interface Reader {
  read(buffer?: Uint8Array): Promise<{ done: boolean; value?: Uint8Array | undefined }>
  cancel(): Promise<void>
  releaseLock(): void
}

function openReader(body: ReadableStream<Uint8Array>, mode?: 'byob'): Reader {
  try {
    return body.getReader({ mode } as ReadableStreamGetReaderOptions) as unknown as Reader
  } catch {
    // The body is not a byte stream (for example, because the page created it), or the platform lacks byte streams.
    return body.getReader()
  }
}

function openStream(body: ReadableStream<Uint8Array>): ChunkSource {
  let reader = openReader(body)
  let buffer: ArrayBufferLike | undefined
  return {
    read: () => reader.read(buffer && new Uint8Array(buffer)),
    onChunk(chunk) {
      // The stream has detached the buffer and returns the same memory as a new buffer.
      if (buffer) buffer = chunk.buffer
      else if (chunk.length > MAX_SLICE_BYTES) {
        // Under load, allocating each chunk costs more than filling it, so one buffer is reused from now on. For small
        // chunks, transferring the buffer to the stream and back would cost more than allocating.
        reader.releaseLock()
        reader = openReader(body, 'byob')
        buffer = new ArrayBuffer(MAX_SLICE_BYTES)
      }
    },
    cancel() {
      // Not awaited, because `cancel()` of a cloned body may hang. Failures do not matter: the body is no longer used.
      reader.cancel().catch(() => {})
    },
  }
}

/** Opens the body of node-fetch, a stream of Node, or any other async iterable. */
function openIterable(body: AsyncIterable<unknown> & { destroy?(): void }): ChunkSource {
  const iterator = body[Symbol.asyncIterator]()
  let endRead: ((end: { done: true }) => void) | undefined
  return {
    read: () =>
      new Promise((resolve, reject) => {
        endRead = resolve
        iterator.next().then(resolve, reject)
      }),
    cancel() {
      // While `next()` is pending, `return()` of an async generator has no effect.
      endRead?.({ done: true })
      body.destroy?.()
      iterator.return?.().catch(() => {})
    },
  }
}

/** Returns whether a chunk consists of bytes, also if it comes from another realm (jsdom). */
function isBytes(chunk: unknown): chunk is Uint8Array {
  return ArrayBuffer.isView(chunk)
}
