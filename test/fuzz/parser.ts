/** The users' parser as a model: callbacks that throw, push, end and reset while they are being called. */
import { deepStrictEqual, strictEqual } from 'node:assert/strict'
import * as fc from 'fast-check'
import { type ParsedEvent, createParser } from '../../src/parser.ts'
import { createLender, cut, litter, sizes } from './chunks.ts'
import { type Item, inherit, readExpected } from './expected.ts'
import { join, shortStream } from './streams.ts'
import { type Task, task } from './task.ts'

type Told = ParsedEvent | string | number

/** What a callback does when it is called; most do nothing but hear. */
type Deed = 'hear' | 'throw' | 'push' | 'end' | 'reset'
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Deed>('hear') },
  { weight: 2, arbitrary: fc.constant<Deed>('throw') },
  { weight: 2, arbitrary: fc.constant<Deed>('push') },
  { weight: 1, arbitrary: fc.constantFrom<Deed>('end', 'reset') },
)

/** What a parser must tell, and what it has not told yet, of the stream so far. */
function createModel() {
  let stream: Uint8Array = new Uint8Array()
  let read: Item[] = []
  let lastEventId = ''
  let untold: Told[] = []
  return {
    get lastEventId() {
      return lastEventId
    },
    get untold() {
      return untold
    },
    push(chunk: Uint8Array) {
      stream = join([stream, chunk])
      if (!chunk.includes(10) && !chunk.includes(13)) return
      const { items } = readExpected(stream)
      const found = inherit(items.slice(read.length), lastEventId)
      read = items
      lastEventId = found.lastEventId
      untold.push(...found.told)
    },
    end() {
      stream = new Uint8Array()
      read = []
    },
    reset() {
      this.end()
      lastEventId = ''
      untold = []
    },
  }
}

const someDeeds = fc.array(deed, { minLength: 1, maxLength: 12 })

const callbacks = fc.property(shortStream, sizes, litter, someDeeds, (stream, list, filler, deeds) => {
  const model = createModel()
  const chunks = cut(stream, list)
  let next = 0
  let calls = 0
  let thrown = 0
  const boom = new Error('from a callback')

  /** The next chunk, from outside or from a callback: there each has a buffer of its own, as the last one is still lent. */
  const push = (): void => {
    const chunk = chunks[next++]
    if (!chunk) return
    const { lend, takeBack } = createLender(filler)
    model.push(chunk)
    try {
      parser.push(lend(chunk))
    } finally {
      takeBack()
    }
  }
  const end = (): void => {
    model.end()
    parser.end()
  }
  const hear = (value: Told): void => {
    deepStrictEqual(value, model.untold.shift())
    const what = deeds[calls++ % deeds.length]
    if (what === 'push') push()
    else if (what === 'end') end()
    else if (what === 'reset') {
      model.reset()
      parser.reset()
    } else if (what === 'throw') {
      thrown++
      throw boom
    }
  }
  const parser = createParser({ onEvent: hear, onComment: hear, onRetry: hear })

  /** Everything is told when a call returns; a throw leaves the rest for the next one. */
  const call = (action: () => void): void => {
    const before = thrown
    try {
      action()
    } catch (error) {
      if (error !== boom) throw error
      strictEqual(thrown, before + 1)
      return
    }
    strictEqual(thrown, before)
    deepStrictEqual(model.untold, [])
    strictEqual(parser.lastEventId, model.lastEventId)
  }
  while (next < chunks.length) call(push)
  call(end)
  while (model.untold.length) call(end)
})

export const parserTasks: Task[] = [task('parser/callbacks', 200, callbacks)]
