/** Model-based property of the public parser, with callbacks that throw or call `push()`, `end()` or `reset()`. */
import { deepStrictEqual, strictEqual } from 'node:assert/strict'
import * as fc from 'fast-check'
import { type ParsedEvent, createParser } from '../../src/parser.ts'
import { createReusedBuffer, splitIntoChunks, fillerByte, chunkSizes } from './chunks.ts'
import { type ParsedItem, inheritIds, readExpected } from './expected.ts'
import { concatBytes, shortStream } from './streams.ts'
import { type FuzzTask, createTask } from './task.ts'

type ParserOutput = ParsedEvent | string | number

/** What a callback does when it is called; most do nothing. */
type CallbackAction = 'none' | 'throw' | 'push' | 'end' | 'reset'
const callbackAction: fc.Arbitrary<CallbackAction> = fc.oneof(
  { weight: 12, arbitrary: fc.constant<CallbackAction>('none') },
  { weight: 2, arbitrary: fc.constant<CallbackAction>('throw') },
  { weight: 2, arbitrary: fc.constant<CallbackAction>('push') },
  { weight: 1, arbitrary: fc.constantFrom<CallbackAction>('end', 'reset') },
)

/** Creates a model of the parser that tracks which outputs for the stream so far are still pending. */
function createModel() {
  let stream: Uint8Array = new Uint8Array()
  let knownItems: ParsedItem[] = []
  let lastEventId = ''
  let pending: ParserOutput[] = []
  return {
    get lastEventId() {
      return lastEventId
    },
    get pending() {
      return pending
    },
    push(chunk: Uint8Array) {
      stream = concatBytes([stream, chunk])
      if (!chunk.includes(10) && !chunk.includes(13)) return
      const { items } = readExpected(stream)
      const added = inheritIds(items.slice(knownItems.length), lastEventId)
      knownItems = items
      lastEventId = added.lastEventId
      pending.push(...added.emitted)
    },
    end() {
      stream = new Uint8Array()
      knownItems = []
    },
    reset() {
      this.end()
      lastEventId = ''
      pending = []
    },
  }
}

const callbackActions = fc.array(callbackAction, { minLength: 1, maxLength: 12 })

const callbacks = fc.property(
  shortStream,
  chunkSizes,
  fillerByte,
  callbackActions,
  (stream, sizes, filler, actions) => {
    const model = createModel()
    const chunks = splitIntoChunks(stream, sizes)
    let next = 0
    let calls = 0
    let thrown = 0
    const callbackError = new Error('from a callback')

    /** Pushes the next chunk, in a buffer of its own: a callback may push while the previous buffer is in use. */
    const push = (): void => {
      const chunk = chunks[next++]
      if (!chunk) return
      const { write, overwrite } = createReusedBuffer(filler)
      model.push(chunk)
      try {
        parser.push(write(chunk))
      } finally {
        overwrite()
      }
    }
    const end = (): void => {
      model.end()
      parser.end()
    }
    const onOutput = (value: ParserOutput): void => {
      deepStrictEqual(value, model.pending.shift())
      const action = actions[calls++ % actions.length]
      if (action === 'push') push()
      else if (action === 'end') end()
      else if (action === 'reset') {
        model.reset()
        parser.reset()
      } else if (action === 'throw') {
        thrown++
        throw callbackError
      }
    }
    const parser = createParser({ onEvent: onOutput, onComment: onOutput, onRetry: onOutput })

    /** Calls the parser: a call that returns must have output everything; a call that throws leaves the rest to the next call. */
    const callParser = (action: () => void): void => {
      const thrownBefore = thrown
      try {
        action()
      } catch (error) {
        if (error !== callbackError) throw error
        strictEqual(thrown, thrownBefore + 1)
        return
      }
      strictEqual(thrown, thrownBefore)
      deepStrictEqual(model.pending, [])
      strictEqual(parser.lastEventId, model.lastEventId)
    }
    while (next < chunks.length) callParser(push)
    callParser(end)
    while (model.pending.length) callParser(end)
  },
)

export const parserTasks: FuzzTask[] = [createTask('parser/callbacks', 200, callbacks)]
