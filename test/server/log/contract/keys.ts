/** Contract: idempotency keys. */
import { expect, test } from 'vitest'
import type { LogTest } from '../describe-log.ts'
import { RUN, frame, keepAll, produce, tokenOf } from '../log-helpers.ts'

export function registerKeys(current: LogTest): void {
  const options = { owner: 'alice', lease: 4_000, keep: 60_000, key: 'alice /generate 1', fingerprint: 'f1' }

  test('the first claim of a key produces the run, and further ones read it', async () => {
    const { log, other } = current
    expect(await log.claim(RUN, options)).toMatchObject({ role: 'producer', isCancelled: false })
    expect(await other.claim('run:2', options)).toEqual({ role: 'reader', stream: RUN })
    expect(await log.read('run:2', 0, { bytes: 1_000 })).toBeUndefined()
  })

  test('a key with another fingerprint is a conflict', async () => {
    const { log, other } = current
    await log.claim(RUN, options)
    expect(await other.claim('run:2', { ...options, fingerprint: 'f2' })).toEqual({ role: 'conflict' })
  })

  test('runs with different keys, and runs without a key, are not joined', async () => {
    const { log } = current
    await log.claim(RUN, options)
    const { key: _key, ...withoutKey } = options
    expect(await log.claim('run:2', { ...options, key: 'another' })).toMatchObject({ role: 'producer' })
    expect(await log.claim('run:3', withoutKey)).toMatchObject({ role: 'producer' })
    expect(await log.claim('run:4', withoutKey)).toMatchObject({ role: 'producer' })
  })

  test('a run whose name was claimed already is read', async () => {
    const { log, other } = current
    await produce(log, RUN)
    expect(await other.claim(RUN, { owner: 'bob', lease: 4_000, keep: 60_000 })).toEqual({
      role: 'reader',
      stream: RUN,
    })
    expect(await log.find(RUN)).toMatchObject({ owner: 'alice' })
  })

  test('two claims of a key at once produce one run', async () => {
    const { log, other } = current
    const claims = await Promise.all([log.claim(RUN, options), other.claim('run:2', options)])
    expect(claims.map(({ role }) => role).sort()).toEqual(['producer', 'reader'])
  })

  test('a finished run keeps its key, until it is dropped', async () => {
    const { log, other } = current
    const token = tokenOf(await log.claim(RUN, options))
    await log.append(RUN, [frame(1)], { nonce: 'abc', retention: keepAll, at: 1, token, close: true })
    expect(await other.claim('run:2', options)).toEqual({ role: 'reader', stream: RUN })
    await log.drop(RUN)
    expect(await other.claim('run:2', options)).toMatchObject({ role: 'producer' })
  })

  test('a key that was cancelled before its run was claimed cancels the run', async () => {
    const { log, other } = current
    expect(await other.cancelKey(options.key, 60_000)).toBeUndefined()
    expect(await log.claim(RUN, options)).toMatchObject({ role: 'producer', isCancelled: true })
    expect(await other.claim('run:2', options)).toEqual({ role: 'reader', stream: RUN })
  })

  test('a cancelled key is remembered for the given time', async () => {
    const { fixture, log } = current
    await log.cancelKey(options.key, 60_000)
    await fixture.advance(60_000)
    expect(await log.claim(RUN, options)).toMatchObject({ role: 'producer', isCancelled: false })
  })

  test('the key of a run that was forgotten is cancelled for the next run', async () => {
    const { fixture, log, other } = current
    await log.claim(RUN, options)
    await log.finish(RUN, frame('end'), 'always')
    await fixture.advance(60_000)
    expect(await other.cancelKey(options.key, 60_000)).toBeUndefined()
    expect(await log.claim('run:2', options)).toMatchObject({ role: 'producer', isCancelled: true })
  })

  test('the key of a claimed run is not cancelled: its stream is returned', async () => {
    const { log, other } = current
    await log.claim(RUN, options)
    expect(await other.cancelKey(options.key, 60_000)).toBe(RUN)
    await log.drop(RUN)
    expect(await log.claim('run:2', options)).toMatchObject({ role: 'producer', isCancelled: false })
  })
}
