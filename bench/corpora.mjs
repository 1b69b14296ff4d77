/** The measured streams, generated from a seed, with the events that each must produce. */

const encoder = new TextEncoder()

/** The names of all corpora, as used in the tables. */
export const corpusNames = [
  'token deltas',
  'OpenAI-like',
  'Anthropic-like',
  'large events',
  'multi-line data',
  'heartbeats',
  'CRLF',
  'CR',
]

/** Bytes per chunk; `event` means one event per chunk, as in a model's answer. */
export const chunkings = ['event', 1, 7, 64, 1400, 16384, 65536]

/** mulberry32, a seeded random number generator, so that every run and every runtime measures the same bytes. */
function createRandom(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const words = [
  'the',
  ' stream',
  ' of',
  ' tokens',
  ' arrives',
  '你好',
  '世界',
  '，',
  '日本語',
  'の',
  ' café',
  '😀',
  '👩‍💻',
  ' in',
  ' order',
  '.',
  ' never',
  ' twice',
  '流',
  '한국어',
  ' 42',
  '\n',
  '"quoted"',
  ' a',
  ' is',
]

/** Creates one event and its text; `type` and `id` are the values that a reader must report, or `undefined` if the block lacks the field. */
const event = (type, data, id, newline = '\n') => {
  const lines = data.split('\n').map((line) => `data: ${line}`)
  if (type !== undefined) lines.unshift(`event: ${type}`)
  if (id !== undefined) lines.unshift(`id: ${id}`)
  return { type, data, id, text: lines.join(newline) + newline + newline }
}

const delta = (random, n, newline) =>
  event('delta', JSON.stringify({ content: words[(random() * words.length) | 0], index: n }), `4f9c2a71-${n}`, newline)

const makers = {
  'token deltas': (random, n) => delta(random, n),
  CRLF: (random, n) => delta(random, n, '\r\n'),
  CR: (random, n) => delta(random, n, '\r'),
  'OpenAI-like': (random) =>
    event(
      undefined,
      JSON.stringify({
        id: 'chatcmpl-9xR2v8LkQ0aWzT3yJ1bN',
        object: 'chat.completion.chunk',
        created: 1767225600,
        model: 'gpt-4o-2024-08-06',
        service_tier: 'default',
        system_fingerprint: 'fp_50cad350e4',
        choices: [
          { index: 0, delta: { content: words[(random() * words.length) | 0] }, logprobs: null, finish_reason: null },
        ],
      }),
    ),
  'Anthropic-like': (random) =>
    event(
      'content_block_delta',
      JSON.stringify({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'text_delta', text: words[(random() * words.length) | 0] },
      }),
    ),
  'large events': (random, n) => {
    const size = [64, 128, 256, 1024][n % 4] * 1024
    const rows = []
    for (let length = 0; length < size;) {
      const row = {
        name: words[(random() * words.length) | 0],
        value: random(),
        tags: ['alpha', 'beta', words[(random() * 6) | 0]],
      }
      rows.push(row)
      length += 64
    }
    return event('snapshot', JSON.stringify(rows), `${n}`)
  },
  'multi-line data': (random) => {
    const lines = []
    for (let left = 3 + random() * 12; left > 0; left--)
      lines.push(words[(random() * words.length) | 0].trim().repeat(1 + random() * 12))
    return event(undefined, lines.join('\n'))
  },
  heartbeats: (random, n) => {
    if (n % 8) return { text: ': heartbeat\n\n' }
    return delta(random, n)
  },
}

/** Creates a checksum of the reported events, without the fields that a reader does not report (see its adapter). */
export function createChecksum({ ids = true, types = true } = {}) {
  let count = 0
  let sum = 0
  return {
    // Reading the last character includes the cost of flattening lazily built strings in the measurement.
    take(type, data, id) {
      count++
      const { length } = data
      sum = (Math.imul(sum, 31) + length + data.charCodeAt(length - 1)) | 0
      if (types) sum = (sum + (type ? type.length : 7)) | 0
      if (ids && id) sum = (sum + id.length) | 0
    },
    value: () => `${count}:${sum}`,
  }
}

/** Returns the size in bytes of a corpus for a chunking: smaller for tiny chunks, which are slow in every reader. */
const sizeFor = (name, chunking) => {
  if (name === 'large events') return chunking === 1 || chunking === 7 ? 1 : chunking === 64 ? 1 << 20 : 6 << 20
  return chunking === 1 ? 48 << 10 : chunking === 7 ? 192 << 10 : 1 << 20
}

/**
 * Creates the data of one cell, which is a corpus in one chunking: the chunks, each with its own buffer, and the
 * expected checksums.
 */
export function createCell(name, chunking) {
  const random = createRandom(20260101)
  const events = []
  const targetSize = sizeFor(name, chunking)
  let size = 0
  for (let n = 0; size < targetSize; n++) {
    const event = makers[name](random, n)
    event.bytes = encoder.encode(event.text)
    size += event.bytes.length
    events.push(event)
  }
  const stream = new Uint8Array(size)
  let at = 0
  for (const { bytes } of events) {
    stream.set(bytes, at)
    at += bytes.length
  }
  const chunks = []
  if (chunking === 'event') for (const { bytes } of events) chunks.push(bytes)
  else for (let from = 0; from < size; from += chunking) chunks.push(stream.slice(from, from + chunking))
  const expected = (fields) => {
    const checksum = createChecksum(fields)
    for (const { type, data, id } of events) if (data !== undefined) checksum.take(type, data, id)
    return checksum.value()
  }
  const texts = events.flatMap(({ data }) => (data === undefined ? [] : data))
  return { chunks, size, expected, texts }
}
