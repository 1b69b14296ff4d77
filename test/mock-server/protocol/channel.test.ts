/** PROTOCOL.md, section 5, on a socket. */
import { describe, expect, test } from 'vitest'
import { dataOf, textOf } from '../support/blocks.ts'
import { controlOf, eventsIn, openCarrier } from '../support/carrier.ts'
import { serve } from '../support/serving.ts'

const answers = { Hi: 'Hello, 世界 👩‍👩‍👧‍👦!' }
const run = (key: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  op: 'open',
  key,
  method: 'POST',
  path: '/api/generate',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ prompt: 'Hi' }),
  ...more,
})
const feed = (key: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({ op: 'open', key, method: 'GET', path: '/api/stream', ...more })

describe('the carrier', () => {
  test('[P5.1] its first event is `channel`, with an id that nobody can guess, and the heartbeat', async () => {
    const { url } = await serve({ heartbeat: 5_000 })
    const [one, other] = [await openCarrier(url), await openCarrier(url)]
    const [first] = one.reading.events
    expect(first!.type).toBe('channel')
    expect(first!.id).toBeUndefined()
    expect(dataOf(first)).toEqual({ channelId: expect.stringMatching(/^[0-9a-f-]{36}$/), heartbeat: 5_000 })
    expect(other.channelId).not.toBe(one.channelId)
  })

  test('[P5.2] a run and a feed on one carrier, opened by one POST', async () => {
    const { url, server } = await serve({ answers, delay: 0 })
    const carrier = await openCarrier(url)
    const response = await carrier.post(run('a'), feed('b'))
    expect(response.status).toBe(202)
    const a = await carrier.untilClosed('a')
    expect(a[0]).toMatchObject({ type: 'open', kind: 'control' })
    expect(controlOf(a, 'open')).toMatchObject({ status: 200, url: '/api/generate' })
    expect(controlOf(a, 'close')).toEqual({ status: 200 })
    expect(textOf(eventsIn(a))).toBe(answers.Hi)
    const id = server.broadcast({ type: 'note', data: 1 })
    const b = await carrier.when('b', (all) => all.some(({ type }) => type === 'note'))
    expect(b.map(({ type, kind }) => [type, kind])).toEqual([['open', 'control'], ['connected', 'own'], ['note', 'own']])
    expect(b.at(-1)!.id).toBe(id)
  })
})
