/** The `eventsource-parser` package reads a feed and a run over `fetch`. */
import { type EventSourceMessage, createParser } from 'eventsource-parser'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { expect, test } from 'vitest'
import { openLocalTestServer } from '../mock-server/support/local-test-server.ts'

interface Delta {
  content: string
  index: number
}

// `newline:cr` is left out: this parser holds back a CR at the end of a stream, and with it the last event.
test.each(['', 'split:1', 'split:7,newline:crlf', 'bom:1'])(
  'eventsource-parser reads a run with the fault %j',
  async (fault) => {
    const answer = '你好，👩‍👩‍👧‍👦!\nsecond line'
    const { url } = await openLocalTestServer({ answers: [answer], delay: 0 })
    const response = await fetch(`${url}/api/generate?prompt=x&fault=${encodeURIComponent(fault)}`)
    const stream = response
      .body!.pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream({ onError: 'terminate' }))
    const events: EventSourceMessage[] = []
    for await (const event of stream as unknown as AsyncIterable<EventSourceMessage>) events.push(event)
    expect(events[0]!.event).toBe('start')
    expect(events.at(-1)!.event).toBe('end')
    const deltas = events.slice(1, -1).map(({ data }) => JSON.parse(data) as Delta)
    expect(deltas.map(({ index }) => index)).toEqual(deltas.map((_, index) => index))
    expect(deltas.map(({ content }) => content).join('')).toBe(answer)
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length)
  },
)

test('eventsource-parser reads the events, comments and `retry` fields of a feed', async () => {
  const { url, server, clock } = await openLocalTestServer({ heartbeat: 1_000 })
  const events: EventSourceMessage[] = []
  const comments: string[] = []
  const retries: number[] = []
  const parser = createParser({
    onEvent: (event) => events.push(event),
    onComment: (comment) => comments.push(comment.trim()),
    onRetry: (retry) => retries.push(retry),
  })
  const response = await fetch(`${url}/api/stream?fault=retry:1234`)
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  const readUntil = async (isMet: () => boolean): Promise<void> => {
    while (!isMet()) parser.feed((await reader.read()).value!)
  }
  await readUntil(() => events.length === 1)
  const id = server.broadcast({ type: 'tick', data: { n: 1 } })
  await readUntil(() => events.length === 2)
  await clock.advance(1_000)
  await readUntil(() => comments.length === 2)
  expect(events[1]).toEqual({ event: 'tick', data: '{"n":1}', id })
  expect(comments).toEqual(['open', 'heartbeat'])
  expect(retries).toEqual([1_234])
  await reader.cancel()
})
