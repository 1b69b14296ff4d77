/** Excerpts of the benchmark corpora, randomly mutated. */
import * as fc from 'fast-check'
import { corpusNames, createCell } from '../../bench/corpora.mjs'
import { utf8 } from '../sse/parse-chunks.ts'

/** Large enough to contain every kind of event in each corpus. */
const CORPUS_BYTES = 24_000
const MAX_EXCERPT_BYTES = 2_500

const corpora = new Map<string, Uint8Array>()

/** Returns the start of a corpus, generated on first use. */
function loadCorpus(name: string): Uint8Array {
  let bytes = corpora.get(name)
  if (!bytes) {
    const { chunks } = createCell(name, 16_384) as { chunks: Uint8Array[] }
    bytes = new Uint8Array(CORPUS_BYTES)
    let at = 0
    for (const chunk of chunks) {
      bytes.set(chunk.subarray(0, CORPUS_BYTES - at), at)
      at += chunk.length
      if (at >= CORPUS_BYTES) break
    }
    corpora.set(name, bytes)
  }
  return bytes
}

const offset = fc.nat(65_535)
const excerpt = fc
  .tuple(fc.constantFrom(...corpusNames), fc.nat(CORPUS_BYTES), fc.nat(MAX_EXCERPT_BYTES))
  .map(([name, from, length]) => loadCorpus(name).subarray(from, from + length))

/** Inserted bytes: line ends, colons, byte order marks and partial characters do the most damage. */
const inserted = fc.oneof(
  fc
    .constantFrom('\n', '\r', '\r\n', '\n\n', ':', ' ', '\0', '\uFEFF', 'data', 'id: ', 'event', 'retry: 5\n')
    .map(utf8),
  fc.uint8Array({ minLength: 1, maxLength: 4 }),
  excerpt.map((bytes) => bytes.subarray(0, 200)),
)

type Mutation =
  | { kind: 'flip'; at: number; bit: number }
  | { kind: 'insert'; at: number; bytes: Uint8Array }
  | { kind: 'delete'; at: number; length: number }
  | { kind: 'repeat'; at: number; length: number }
  | { kind: 'move'; at: number; length: number; to: number }

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: offset, bit: fc.nat(7) }),
  fc.record({ kind: fc.constant('insert' as const), at: offset, bytes: inserted }),
  fc.record({ kind: fc.constant('delete' as const), at: offset, length: fc.integer({ min: 1, max: 80 }) }),
  fc.record({ kind: fc.constant('repeat' as const), at: offset, length: fc.integer({ min: 1, max: 80 }) }),
  fc.record({ kind: fc.constant('move' as const), at: offset, length: fc.integer({ min: 1, max: 200 }), to: offset }),
)

const splice = (bytes: Uint8Array, at: number, removed: number, added: Uint8Array | number[]): Uint8Array =>
  Uint8Array.from([...bytes.subarray(0, at), ...added, ...bytes.subarray(at + removed)])

function mutate(bytes: Uint8Array, change: Mutation): Uint8Array {
  if (!bytes.length) return bytes
  const at = change.at % bytes.length
  if (change.kind === 'flip') return splice(bytes, at, 1, [bytes[at]! ^ (1 << change.bit)])
  if (change.kind === 'insert') return splice(bytes, at, 0, change.bytes)
  const part = bytes.slice(at, at + change.length)
  if (change.kind === 'repeat') return splice(bytes, at, 0, part)
  const rest = splice(bytes, at, change.length, [])
  return change.kind === 'delete' ? rest : splice(rest, change.to % (rest.length + 1), 0, part)
}

/** A corpus excerpt with up to twelve mutations. */
export const mutatedCorpus: fc.Arbitrary<Uint8Array> = fc
  .tuple(excerpt, fc.array(mutation, { maxLength: 12, size: 'max' }))
  .map(([bytes, changes]) => changes.reduce(mutate, bytes))
