/** Streams that never come to their point, and what memory they cost: the limit of an event, and nothing by the megabyte. */
import { ok } from 'node:assert/strict'
import { isStreamError } from '../../src/base/errors.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import { createParser, parseEventStream } from '../../src/parser.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { utf8 } from '../sse/parse-chunks.ts'

const MEBIBYTE = 0x100000
const MAX_EVENT_CHARS = MEBIBYTE / 4
/** Bytes in memory for one of an event: text may have two bytes a character, and is there twice while it is joined. */
const MEMORY_PER_CHAR_BYTES = 4
/** What a heap that does not grow still differs by from one look to the next. */
const HEAP_NOISE_BYTES = MEBIBYTE
/** Bytes between two looks at the heap: no part of the limit, so that an event is seen at every age. */
const SAMPLE_INTERVAL_BYTES = 301_000

/** Each is repeated for ever; the number makes every repetition another one. */
const ENDLESS_STREAMS: Record<string, { piece: (n: number) => string | Uint8Array; tooLarge?: true }> = {
  line: { piece: () => 'x', tooLarge: true },
  'wide-line': { piece: () => '你', tooLarge: true },
  'broken-line': { piece: () => Uint8Array.of(0xf0, 0x9f), tooLarge: true },
  'nul-line': { piece: () => '\0', tooLarge: true },
  'data-lines': { piece: (n) => `data: ${n}\n`, tooLarge: true },
  'empty-data-lines': { piece: () => 'data\r\n', tooLarge: true },
  // The rest of a text stays in memory as long as anything that was cut from it.
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

/** The pieces of a stream, one mebibyte or so of it, to be sent again and again. */
function createCycle(piece: (n: number) => string | Uint8Array): Uint8Array {
  const parts: (string | Uint8Array)[] = []
  for (let n = 0, length = 0; length < MEBIBYTE; n++) {
    const part = piece(n)
    parts.push(part)
    length += part.length
  }
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? utf8(part) : part)))
}

/** Chunks of a lap for ever; a chunk never spans its end. */
function* createChunks(cycle: Uint8Array, size: number): Generator<Uint8Array, never> {
  for (;;) for (let at = 0; at < cycle.length; at += size) yield cycle.subarray(at, at + size)
}

/** Bytes that are alive. */
const measureLiveBytes = (): number => {
  globalThis.gc!()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Looks at the heap from time to time, once what was before has been swept up. */
async function createHeapGauge(bytes: number) {
  await flushMicrotasks()
  measureLiveBytes()
  await flushMicrotasks()
  let untilNextSample = 0
  let readBytes = 0
  let low = Number.POSITIVE_INFINITY
  let high = 0
  return {
    /** Counts a chunk; false: enough. */
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

/** Its reader begins anew when an event was too large, which must happen where, and only where, one is. */
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
      // Enough: one event ends the wait of a loop that would never see one.
      return more ? step : { done: false, value: utf8('\n\ndata: over\n\n') }
    },
  }
  while (more) {
    try {
      for await (const event of parseEventStream(createBody(counted), { maxEventSize: MAX_EVENT_CHARS }))
        if (!more && event.data === 'over') break
    } catch (error) {
      ok(isStreamError(error, 'too-large'), String(error))
      failures++
    }
  }
  return failures
}

/** One endless stream, its reader, and the size of its chunks. */
export interface MemoryTask {
  name: string
  /** Reads it, and rejects where memory grew; resolves with the growth in bytes. */
  run(): Promise<number>
}

const readers: [name: string, feed: EndlessReader, size: number, mebibytes: number][] = [
  ['connection-64K', readWithConnection, 65_536, 8],
  ['parser-33', readWithParser(false), 33, 6],
  ['text-1400', readWithParser(true), 1400, 6],
  ['parser-64K', readWithParser(false), 65_536, 8],
  ['iterable-1400', readWithIterable, 1400, 6],
  ['parser-1', readWithParser(false), 1, 4],
]

/** All streams by one reader, then by the next: a short run sees each stream once. */
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
        `grew by ${gauge.growth} bytes with events of ${MAX_EVENT_CHARS}; ${allowed} are allowed`,
      )
      return gauge.growth
    },
  })),
)
