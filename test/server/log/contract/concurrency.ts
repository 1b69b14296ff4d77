/** Contract: processes that append at once, and repeat appends of which they lost the reply. */
import { expect, test } from 'vitest'
import type { Appended, EventLog } from '../../../../server/log/event-log.ts'
import { fc } from '../../../support/fast-check.ts'
import type { LogTest } from '../describe-log.ts'
import { FEED, RUN, frame, keepAll, produce, readAll, readPage, textsOf } from '../log-helpers.ts'

/** One call: the append with this number of a sender, which may have been called before. */
interface Call {
  readonly sender: 0 | 1
  readonly sequence: number
}

/** Calls of two senders. Each sends its appends in order, and may repeat any of them later. */
const calls = fc
  .array(fc.record({ sender: fc.constantFrom<0 | 1>(0, 1), back: fc.nat({ max: 3 }) }), { maxLength: 24 })
  .map((steps) => {
    const sent = [0, 0]
    return steps.map(({ sender, back }): Call => {
      const isNext = back === 0 || sent[sender]! < back
      if (isNext) sent[sender]!++
      return { sender, sequence: isNext ? sent[sender]! : sent[sender]! - back + 1 }
    })
  })

/** Sizes of the groups of calls that are in flight together. */
const groups = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 24, maxLength: 24 })

export function registerConcurrency(current: LogTest): void {
  const send = (log: EventLog, feed: string, { sender, sequence }: Call): Promise<Appended> =>
    log.append(feed, [frame(`${sender}:${sequence}:a`), frame(`${sender}:${sequence}:b`)], {
      nonce: `${sender}-${sequence}`,
      retention: keepAll,
      sender: { id: `sender ${sender}`, sequence },
    })

  test('appends of two processes at once get positions without holes, each append in one piece', async () => {
    const { log, other } = current
    const sequences = Array.from({ length: 50 }, (_, index) => index + 1)
    const appended = await Promise.all(
      sequences.flatMap((sequence) => [
        send(log, FEED, { sender: 0, sequence }),
        send(other, FEED, { sender: 1, sequence }),
      ]),
    )
    const positions = appended.map((result) => ('position' in result ? result.position : NaN)).sort((a, b) => a - b)
    expect(positions).toEqual(Array.from({ length: 100 }, (_, index) => 2 * (index + 1)))
    const texts = await readAll(log, FEED)
    for (let index = 0; index < texts.length; index += 2) {
      expect(texts[index + 1]).toBe(texts[index]!.replace(/a$/, 'b'))
    }
    for (const sender of ['0', '1']) {
      const own = texts.filter((text) => text.startsWith(`${sender}:`) && text.endsWith('a'))
      expect(own).toEqual(sequences.map((sequence) => `${sender}:${sequence}:a`))
    }
  })

  test('with any interleaving of appends and repeats of two senders, each append is there once, under its first ID', async () => {
    let count = 0
    await fc.assert(
      fc.asyncProperty(calls, groups, async (calls, groups) => {
        const feed = `feed:property ${++count}`
        const positions = new Map<string, number>()
        const waiting = [...calls]
        for (const size of groups) {
          const group = waiting.splice(0, size)
          const results = await Promise.all(
            group.map((call) => send(call.sender === 0 ? current.log : current.other, feed, call)),
          )
          for (const [index, result] of results.entries()) {
            const { sender, sequence } = group[index]!
            const name = `${sender}:${sequence}`
            if (!('position' in result)) throw new Error(`Refused: ${result.refused}`)
            expect(positions.get(name) ?? result.position).toBe(result.position)
            positions.set(name, result.position)
          }
        }
        const { events, head } = await readPage(current.other, feed)
        const expected = [...positions].sort(([, one], [, other]) => one - other)
        expect(textsOf(events)).toEqual(expected.flatMap(([name]) => [`${name}:a`, `${name}:b`]))
        expect(expected.map(([, position]) => position)).toEqual(expected.map((_, index) => 2 * (index + 1)))
        expect(head).toBe(2 * positions.size)
        for (const { position, nonce } of events) {
          const [name] = expected[Math.ceil(position / 2) - 1]!
          expect(nonce).toBe(name.replace(':', '-'))
        }
      }),
      { numRuns: 50 },
    )
  })

  test('a run has every event once after any sequence of repeated and overlapping appends of its producer', async () => {
    let count = 0
    const pieces = fc.array(fc.tuple(fc.nat({ max: 4 }), fc.integer({ min: 1, max: 5 })), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(pieces, async (pieces) => {
        const run = `${RUN} ${++count}`
        const token = await produce(current.log, run)
        let head = 0
        for (const [back, length] of pieces) {
          const at = Math.max(1, head + 1 - back)
          const texts = Array.from({ length }, (_, index) => frame(at + index))
          const result = await current.log.append(run, texts, { nonce: `n${at}`, retention: keepAll, at, token })
          head = Math.max(head, at + length - 1)
          expect(result).toMatchObject({ position: at + length - 1 })
        }
        expect(await readAll(current.other, run)).toEqual(Array.from({ length: head }, (_, index) => String(index + 1)))
        await current.log.drop(run)
      }),
      { numRuns: 50 },
    )
  })
}
