/** Compresses a body so that no event waits in the encoder (PROTOCOL.md 1.6). */
import type { BrotliCompress, Gzip } from 'node:zlib'
import { constants, createBrotliCompress, createGzip } from 'node:zlib'

/** One body's encoder. */
export interface Compressor {
  readonly encoding: 'gzip' | 'br'
  /** The bytes that make everything so far readable. */
  compress(bytes: Uint8Array): Promise<Uint8Array>
  /** The last bytes. */
  finish(): Promise<Uint8Array>
  /** Gives its memory back; what was under way is dropped. */
  close(): void
}

/** Small windows: a stream is alive for hours, and there may be thousands. */
const gzipOptions = { level: 4, windowBits: 12, memLevel: 5 }
const brotliOptions = {
  params: { [constants.BROTLI_PARAM_QUALITY]: 3, [constants.BROTLI_PARAM_LGWIN]: 14 },
}

/** Makes the encoder of one body. */
export function createCompressor(encoding: 'gzip' | 'br'): Compressor {
  const encoder: Gzip | BrotliCompress =
    encoding === 'gzip' ? createGzip(gzipOptions) : createBrotliCompress(brotliOptions)
  const flushMode = encoding === 'gzip' ? constants.Z_SYNC_FLUSH : constants.BROTLI_OPERATION_FLUSH
  let parts: Uint8Array[] = []
  encoder.on('data', (part: Uint8Array) => parts.push(part))
  const takeOutput = (): Uint8Array => {
    const output = Buffer.concat(parts)
    parts = []
    return output
  }
  return {
    encoding,
    compress: (bytes) =>
      new Promise((resolve) => {
        encoder.write(bytes)
        encoder.flush(flushMode, () => resolve(takeOutput()))
      }),
    finish: () =>
      new Promise((resolve) => {
        encoder.once('end', () => resolve(takeOutput()))
        encoder.end()
      }),
    close: () => encoder.destroy(),
  }
}

/**
 * The encoding to use for this `Accept-Encoding` (RFC 9110, 12.5.3). gzip before br where both are as welcome: flushed after
 * every event it makes fewer bytes, in less memory (bench/server/RESULTS.md).
 */
export function chooseEncoding(accepted: string | undefined): 'gzip' | 'br' | 'identity' {
  const weights = new Map<string, number>()
  for (const part of (accepted ?? '').toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((piece) => piece.trim())
    const weight = parameters.find((parameter) => parameter.startsWith('q='))
    weights.set(name, weight === undefined ? 1 : Number(weight.slice(2)) || 0)
  }
  const weightOf = (name: string): number => weights.get(name) ?? weights.get('*') ?? 0
  const identity = weights.get('identity') ?? 0
  const [br, gzip] = [weightOf('br'), weightOf('gzip')]
  if (gzip > 0 && gzip >= br && gzip >= identity) return 'gzip'
  return br > 0 && br >= identity ? 'br' : 'identity'
}
