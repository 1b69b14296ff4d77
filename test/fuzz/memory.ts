/** Memory use of endless streams: bounded by the event size limit, however much is read. */
import { ok } from 'node:assert/strict'
import { isStreamError } from '../../src/base/errors.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import { createParser, parseEventStream } from '../../src/parser.ts'
import { utf8 } from '../sse/parse-chunks.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'

const MEBIBYTE = 0x100000
const MAX_EVENT_CHARS = MEBIBYTE / 4
/** Bytes of memory per character of an event: a string may take two bytes per character, and exists twice while its parts are joined. */
const MEMORY_PER_CHAR_BYTES = 4
/** How much a heap that does not grow may vary between two samples. */
const HEAP_NOISE_BYTES = MEBIBYTE
/** Bytes read between two heap samples; not a divisor of the limit, so that an event is sampled at every stage. */
const SAMPLE_INTERVAL_BYTES = 301_000

/** Pieces that are repeated forever; the number makes each repetition different. */
const ENDLESS_STREAMS: Record<string, { piece: (n: number) => string | Uint8Array; tooLarge?: true }> = {
  line: { piece: () => 'x', tooLarge: true },
  'wide-line': { piece: () => '你', tooLarge: true },
  'broken-line': { piece: () => Uint8Array.of(0xf0, 0x9f), tooLarge: true },
  'nul-line': { piece: () => '\0', tooLarge: true },
  'data-lines': { piece: (n) => `data: ${n}\n`, tooLarge: true },
  'empty-data-lines': { piece: () => 'data\r\n', tooLarge: true },
  // In V8, a substring keeps the string that it was cut from alive: buffered data could retain the comments around it.
  'data-among-comments': {
    piece: (n) => `data: ${String(n).padStart(2000, '.')}\n: ${' '.repeat(20_000)}\n`,
    tooLarge: true,
  },
  comments: { piece: (n) => `: heartbeat ${n}\n` },
  ids: { piece: (n) => `id: position-${n}\n` },
  'huge-ids': { piece: (n) => `id: ${n}${'i'.repeat(50_000)}\n` },
  names: { piece: (n) => `event: name-${n}\n` },
  retries: { piece: (n) => `retry: ${n}\n` },
  'unknown-fields': { piece: (n) => `field-${n}: value\n` },
  'blank-lines': { piece: () => '\r\n\r\n' },
  returns: { piece: () => '\r' },
  'id-only-blocks': { piece: (n) => `id: position-${n}\n\n` },
  events: { piece: (n) => `id: position-${n}\ndata: {"n":${n}}\n\n` },
  'wide-events': { piece: (n) => `data: 你好 ${n}\n\n` },
}

/** Joins pieces up to about one mebibyte, to be sent repeatedly. */
function createCycle(piece: (n: number) => string | Uint8Array): Uint8Array {
  const parts: (string | Uint8Array)[] = []
  for (let n = 0, length = 0; length < MEBIBYTE; n++) {
    const part = piece(n)
    parts.push(part)
    length += part.length
  }
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? utf8(part) : part)))
}

/** Yields chunks of the cycle forever; no chunk spans the end of the cycle. */
function* createChunks(cycle: Uint8Array, size: number): Generator<Uint8Array, never> {
  for (;;) for (let at = 0; at < cycle.length; at += size) yield cycle.subarray(at, at + size)
}

/** Collects garbage, and returns the number of bytes still in use. */
const measureLiveBytes = (): number => {
  globalThis.gc!()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Creates a gauge that samples the heap at intervals, after earlier garbage has been collected. */
async function createHeapGauge(bytes: number) {
  await flushMicrotasks()
  measureLiveBytes()
  await flushMicrotasks()
  let untilNextSample = 0
  let readBytes = 0
  let low = Number.POSITIVE_INFINITY
  let high = 0
  return {
    /** Counts a chunk; returns false once enough bytes have been read. */
    count(length: number): boolean {
      readBytes += length
      untilNextSample -= length
      if (untilNextSample <= 0) {
        untilNextSample = SAMPLE_INTERVAL_BYTES
        const now = measureLiveBytes()
        low = Math.min(low, now)
        high = Math.max(high, now)
      }
      return readBytes < bytes
    },
    get growth() {
      return high - low
    },
  }
}

/** Reads an endless stream, starting over after each event that is too large; resolves with the number of such events. */
type EndlessReader = (chunks: Iterator<Uint8Array, never>, count: (length: number) => boolean) => Promise<number>

const readWithParser =
  (asText: boolean): EndlessReader =>
  async (chunks, count) => {
    const decoder = new TextDecoder()
    const parser = createParser({ onEvent() {}, onComment() {}, onRetry() {}, maxEventSize: MAX_EVENT_CHARS })
    let failures = 0
    for (let more = true; more;) {
      const chunk = chunks.next().value
      try {
        parser.push(asText ? decoder.decode(chunk, { stream: true }) : chunk)
      } catch (error) {
        ok(isStreamError(error, 'too-large'), String(error))
        failures++
        parser.reset()
      }
      more = count(chunk.length)
    }
    return failures
  }

const createBody = (chunks: Iterator<Uint8Array, never>): ReadableStream<Uint8Array> =>
  new ReadableStream({ pull: (controller) => controller.enqueue(chunks.next().value) }, { highWaterMark: 0 })

const readWithConnection: EndlessReader = async (chunks, count) => {
  let failures = 0
  for (;;) {
    const connection = await fetchConnect(async () => new Response(createBody(chunks)))({
      url: 'https://api.test/',
      method: 'GET',
      headers: [],
      credentialHeaders: [],
      maxEventSize: MAX_EVENT_CHARS,
      signal: new AbortController().signal,
    })
    try {
      for (let batch = await connection.read(); batch; batch = await connection.read()) {
        if (!count(batch.bytes)) return failures
      }
    } catch (error) {
      ok(isStreamError(error, 'too-large'), String(error))
      failures++
    } finally {
      connection.cancel()
    }
  }
}

const readWithIterable: EndlessReader = async (chunks, count) => {
  let failures = 0
  let more = true
  const counted: Iterator<Uint8Array, never> = {
    next() {
      const step = chunks.next()
      more = count(step.value.length)
      // A final event ends the loop below, even if the stream itself contains no events.
      return more ? step : { done: false, value: utf8('\n\ndata: end\n\n') }
    },
  }
  while (more) {
    try {
      for await (const event of parseEventStream(createBody(counted), { maxEventSize: MAX_EVENT_CHARS }))
        if (!more && event.data === 'end') break
    } catch (error) {
      ok(isStreamError(error, 'too-large'), String(error))
      failures++
    }
  }
  return failures
}

/** One combination of endless stream, reader and chunk size. */
export interface MemoryTask {
  name: string
  /** Reads the stream; resolves with the memory growth in bytes, and rejects if it exceeds the allowance. */
  run(): Promise<number>
}

const readers: [name: string, read: EndlessReader, size: number, mebibytes: number][] = [
  ['connection-64K', readWithConnection, 65_536, 8],
  ['parser-33', readWithParser(false), 33, 6],
  ['text-1400', readWithParser(true), 1400, 6],
  ['parser-64K', readWithParser(false), 65_536, 8],
  ['iterable-1400', readWithIterable, 1400, 6],
  ['parser-1', readWithParser(false), 1, 4],
]

/** Ordered by reader, so that even a short run covers each stream once. */
export const memoryTasks: MemoryTask[] = readers.flatMap(([reader, read, size, mebibytes]) =>
  Object.entries(ENDLESS_STREAMS).map(([stream, { piece, tooLarge }]) => ({
    name: `memory/${stream}/${reader}`,
    async run() {
      const cycle = createCycle(piece)
      const gauge = await createHeapGauge(mebibytes * MEBIBYTE)
      const failures = await read(createChunks(cycle, size), gauge.count)
      ok(failures > 0 === Boolean(tooLarge), `${failures} events were too large`)
      const allowed = MEMORY_PER_CHAR_BYTES * MAX_EVENT_CHARS + HEAP_NOISE_BYTES
      ok(
        gauge.growth <= allowed,
        `memory grew by ${gauge.growth} bytes with events of ${MAX_EVENT_CHARS} characters; ${allowed} are allowed`,
      )
      return gauge.growth
    },
  })),
)
