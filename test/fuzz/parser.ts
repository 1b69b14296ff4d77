/** The users' parser as a model: callbacks that throw, push, end and reset while they are being called. */
import { deepStrictEqual, strictEqual } from 'node:assert/strict'
import * as fc from 'fast-check'
import { type ParsedEvent, createParser } from '../../src/parser.ts'
import { createReusedBuffer, splitIntoChunks, fillerByte, chunkSizes } from './chunks.ts'
import { type ParsedItem, inheritIds, readExpected } from './expected.ts'
import { concatBytes, shortStream } from './streams.ts'
import { type FuzzTask, createTask } from './task.ts'

type ParserOutput = ParsedEvent | string | number

/** What a callback does when it is called; most do nothing but hear. */
type CallbackAction = 'none' | 'throw' | 'push' | 'end' | 'reset'
const callbackAction: fc.Arbitrary<CallbackAction> = fc.oneof(
  { weight: 12, arbitrary: fc.constant<CallbackAction>('none') },
  { weight: 2, arbitrary: fc.constant<CallbackAction>('throw') },
  { weight: 2, arbitrary: fc.constant<CallbackAction>('push') },
  { weight: 1, arbitrary: fc.constantFrom<CallbackAction>('end', 'reset') },
)

/** What a parser must tell, and what it has not told yet, of the stream so far. */
function createModel() {
  let stream: Uint8Array = new Uint8Array()
  let read: ParsedItem[] = []
  let lastEventId = ''
  let pending: ParserOutput[] = []
  return {
    get lastEventId() {
      return lastEventId
    },
    get untold() {
      return pending
    },
    push(chunk: Uint8Array) {
      stream = concatBytes([stream, chunk])
      if (!chunk.includes(10) && !chunk.includes(13)) return
      const { items } = readExpected(stream)
      const found = inheritIds(items.slice(read.length), lastEventId)
      read = items
      lastEventId = found.lastEventId
      pending.push(...found.emitted)
    },
    end() {
      stream = new Uint8Array()
      read = []
    },
    reset() {
      this.end()
      lastEventId = ''
      pending = []
    },
  }
}

const callbackActions = fc.array(callbackAction, { minLength: 1, maxLength: 12 })

const callbacks = fc.property(shortStream, chunkSizes, fillerByte, callbackActions, (stream, list, filler, actions) => {
  const model = createModel()
  const chunks = splitIntoChunks(stream, list)
  let next = 0
  let calls = 0
  let thrown = 0
  const callbackError = new Error('from a callback')

  /** The next chunk, from outside or from a callback: there each has a buffer of its own, as the last one is still lent. */
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
    deepStrictEqual(value, model.untold.shift())
    const what = actions[calls++ % actions.length]
    if (what === 'push') push()
    else if (what === 'end') end()
    else if (what === 'reset') {
      model.reset()
      parser.reset()
    } else if (what === 'throw') {
      thrown++
      throw callbackError
    }
  }
  const parser = createParser({ onEvent: onOutput, onComment: onOutput, onRetry: onOutput })

  /** Everything is told when a call returns; a throw leaves the rest for the next one. */
  const callParser = (action: () => void): void => {
    const before = thrown
    try {
      action()
    } catch (error) {
      if (error !== callbackError) throw error
      strictEqual(thrown, before + 1)
      return
    }
    strictEqual(thrown, before)
    deepStrictEqual(model.untold, [])
    strictEqual(parser.lastEventId, model.lastEventId)
  }
  while (next < chunks.length) callParser(push)
  callParser(end)
  while (model.untold.length) callParser(end)
})

export const parserTasks: FuzzTask[] = [createTask('parser/callbacks', 200, callbacks)]
