/** What is carried, what has a connection of its own, and where redirects lead. */
import { describe, expect, test } from 'vitest'
import { settled } from '../support/flush-microtasks.ts'
import { control, createRig, opened } from './test-multiplex.ts'

describe('has a connection of its own', () => {
  const formData = new FormData()
  test.each([
    ['another origin', { url: 'https://other.test/stream' }],
    ['another port', { url: 'https://api.test:8443/stream' }],
    ['a binary body', { method: 'POST', body: new Uint8Array([1]) }],
    ['a body that only fetch understands', { method: 'POST', init: { body: formData } }],
    ['a body that is too long for operations', { method: 'POST', body: 'x'.repeat(100_001) }],
    ['cookies that the carrier does not send', { init: { credentials: 'include' as const } }],
    ['a mode of its own', { init: { mode: 'same-origin' as const } }],
    ['redirects of its own', { init: { redirect: 'error' as const } }],
    ['a cache of its own', { init: { cache: 'reload' as const } }],
  ])('%s', async (_, request) => {
    const rig = createRig()
    rig.ask()
    await rig.carry()
    const headers: [string, string][] = [['authorization', 'secret']]
    rig.ask({ headers, ...request })
    await settled()
    expect(rig.gets).toHaveLength(2)
    expect(rig.gets[1]!.request).toMatchObject({ url: 'https://api.test/stream', headers, ...request })
    expect(rig.operations).toHaveLength(1)
  })

  test('a stream of another subject, which is misdirected to this carrier', async () => {
    const rig = createRig()
    const { connection } = rig.ask({ headers: [['authorization', 'of another']] })
    const carrier = await rig.carry()
    carrier.send(control(1, 'open', { status: 421 }), control(1, 'close', { status: 421, problem: '{}' }))
    await settled()
    expect(rig.gets.at(-1)!.request).toMatchObject({
      url: 'https://api.test/stream',
      headers: [['authorization', 'of another']],
    })
    rig.gets.at(-1)!.answer({ status: 200 })
    expect(await connection).toMatchObject({ status: 200 })
  })
})

describe('is carried', () => {
  test.each([
    ['what fetch is told for the carrier as well', { init: { credentials: 'include' as const } }],
    [
      'options that are not of fetch',
      { init: { retry: false, json: {}, mode: undefined, signal: null } as unknown as RequestInit },
    ],
    ['a body of text', { method: 'POST', body: 'x'.repeat(100_000) }],
    ['DELETE', { method: 'DELETE' }],
  ])('%s', async (_, request) => {
    const rig = createRig({ init: { credentials: 'include' } })
    rig.ask(request)
    await rig.carry()
    expect(rig.operations).toHaveLength(1)
  })

  test('over a channel without a known origin, as mocks in process have it', async () => {
    const rig = createRig({}, '/channel')
    const { connection } = rig.ask({ url: '/stream?x' })
    const carrier = await rig.carry()
    expect([rig.gets[0]!.request.url, rig.operations[0]!['path']]).toEqual(['/channel', '/stream?x'])
    carrier.send(opened(1, { url: '/stream?x' }))
    expect((await connection).url).toBe('/stream?x')
  })
})

describe('redirects', () => {
  const redirect = (key: number, status: number, location: string) => [
    control(key, 'open', { status, headers: { location } }),
    control(key, 'close', { status }),
  ]

  test.each([301, 302, 303, 307, 308])('[F13] %i within the origin is followed on the carrier', async (status) => {
    const rig = createRig()
    const { connection } = rig.ask({
      headers: [['authorization', 't']],
      credentials: ['authorization'],
      lastEventId: 'a',
    })
    const carrier = await rig.carry()
    carrier.send(...redirect(1, status, '../moved?x'))
    await settled()
    expect(rig.operations[1]).toMatchObject({
      op: 'open',
      key: '2',
      method: 'GET',
      path: '/moved?x',
      headers: [['authorization', 't']],
      lastEventId: 'a',
    })
    carrier.send(opened(2, { url: '/moved?x' }))
    expect(await connection).toMatchObject({ status: 200, url: 'https://api.test/moved?x' })
  })

  test('[F13] a POST stays one with 307, and becomes a GET without its body with 303', async () => {
    const rig = createRig()
    rig.ask({ method: 'POST', body: '{}', headers: [['content-type', 'application/json']] })
    const carrier = await rig.carry()
    carrier.send(...redirect(1, 307, '/there'))
    await settled()
    expect(rig.operations[1]).toMatchObject({ method: 'POST', path: '/there', body: '{}' })
    carrier.send(...redirect(2, 303, '/result'))
    await settled()
    expect(rig.operations[2]).toEqual({
      op: 'open',
      key: '3',
      method: 'GET',
      path: '/result',
      headers: [],
      window: 0x40000,
    })
  })

  test('[F14] to another origin: no credential goes there, and nothing of the channel', async () => {
    const rig = createRig()
    rig.ask({
      headers: [
        ['authorization', 't'],
        ['x-api-key', 'k'],
        ['x-tenant', '1'],
      ],
      credentials: ['x-api-key'],
    })
    const carrier = await rig.carry()
    carrier.send(...redirect(1, 302, 'https://other.test/stream'))
    await settled()
    expect(rig.gets.at(-1)!.request).toMatchObject({ url: 'https://other.test/stream', headers: [['x-tenant', '1']] })
  })

  test('[F13] without end: one error', async () => {
    const rig = createRig()
    const { connection } = rig.ask()
    const carrier = await rig.carry()
    for (let count = 1; count <= 21; count++) {
      carrier.send(...redirect(count, 302, '/again'))
      await settled()
    }
    await expect(connection).rejects.toThrow('Redirect not followed')
    expect(rig.operations.filter(({ op }) => op === 'open')).toHaveLength(21)
  })
})
