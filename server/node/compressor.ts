/** Compresses a response body so that no event waits in the encoder (PROTOCOL.md 1.6). */
import type { BrotliCompress, Gzip } from 'node:zlib'
import { constants, createBrotliCompress, createGzip } from 'node:zlib'

/** The encoder for one body. */
export interface Compressor {
  readonly encoding: 'gzip' | 'br'
  /** Compresses and flushes, so that everything compressed so far can be decoded. */
  compress(bytes: Uint8Array): Promise<Uint8Array>
  /** Ends the encoding and returns the last bytes. */
  finish(): Promise<Uint8Array>
  /** Frees the encoder and discards pending output. */
  close(): void
}

/** Small windows, because streams last for hours and there may be thousands of them. */
const gzipOptions = { level: 4, windowBits: 12, memLevel: 5 }
const brotliOptions = {
  params: { [constants.BROTLI_PARAM_QUALITY]: 3, [constants.BROTLI_PARAM_LGWIN]: 14 },
}

/** Creates the encoder for one body. */
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
 * Chooses the encoding for an `Accept-Encoding` (RFC 9110, 12.5.3). Prefers gzip to br at equal weights: flushed after
 * every event, gzip produces fewer bytes and needs less memory (bench/server/RESULTS.md).
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
