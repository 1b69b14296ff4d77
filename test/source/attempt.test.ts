/** One attempt by itself: what it asks, when it gives up, and what it leaves behind. */
import { describe, expect, test } from 'vitest'
import { StreamError } from '../../src/base/errors.ts'
import type { Batch, ConnectRequest } from '../../src/connect/connect.ts'
import { type AttemptHooks, runAttempt } from '../../src/source/attempt.ts'
import { createWatchdog } from '../../src/source/watchdog.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { createScriptedNetwork } from '../support/scripted-connect.ts'
import { settled } from '../support/flush-microtasks.ts'

const asked: Omit<ConnectRequest, 'signal'> = {
  url: 'https://api.test/',
  method: 'GET',
  headers: [],
  credentials: [],
  maxEventSize: 100,
}

/** An attempt under way, with what it tells. */
function stage({
  deaf = false,
  idleTimeout = Infinity,
  ...hooks
}: Partial<AttemptHooks> & { deaf?: boolean; idleTimeout?: number } = {}) {
  const clock = createManualClock()
  const network = createScriptedNetwork({ deaf })
  const controller = new AbortController()
  const heard: string[] = []
  const outcome: unknown[] = []
  const done = runAttempt(
    {
      connect: network.connect,
      clock,
      connectTimeout: 1_000,
      watch: (onSilence) => createWatchdog(clock, idleTimeout, Infinity, onSilence),
    },
    controller,
    {
      name: 'GET https://api.test/',
      request: async (signal) => ({ ...asked, signal }),
      judge: async () => {},
      opened: () => heard.push('opened'),
      read: ({ blocks }: Batch) => void heard.push(...blocks.map(({ data }) => String(data))),
      ...hooks,
    },
  ).then(
    (clean) => outcome.push(clean),
    (error: unknown) => outcome.push(error),
  )
  return { clock, network, controller, heard, outcome, done }
}

describe('the end', () => {
  test('of a stream', async () => {
    const { network, heard, outcome, clock } = stage()
    await settled()
    const connection = network.last.answer()
    connection.send({ data: 'a' }, { data: 'b' })
    connection.end()
    await settled()
    expect([heard, outcome, clock.due, connection.cancelled]).toEqual([['opened', 'a', 'b'], [true], [], true])
  })

  test('leaves no timer', async () => {
    const { network, clock, done } = stage({ idleTimeout: 500 })
    await settled()
    network.last.answer().end()
    await done
    expect(clock.due).toEqual([])
  })

  test('[F12] 204: nobody judges it', async () => {
    const { network, heard, outcome } = stage({ judge: () => Promise.reject(new Error('judged')) })
    await settled()
    network.last.answer({ status: 204 })
    await settled()
    expect([heard, outcome]).toEqual([[], [false]])
  })
})

describe('failures', () => {
  test('of what is asked for are `auth`, of the connection `network`, with the cause', async () => {
    const cause = new Error('no')
    const first = stage({ request: () => Promise.reject(cause) })
    await first.done
    expect(first.outcome).toMatchObject([
      { code: 'auth', cause, retryable: true, message: 'Failed: GET https://api.test/' },
    ])

    const second = stage()
    await settled()
    second.network.last.answer().cut(cause)
    await second.done
    expect(second.outcome).toMatchObject([{ code: 'network', cause, retryable: true }])
  })

  test('that are told by a `StreamError` stay what they are, and the connection is let go of', async () => {
    const error = new StreamError('content-type', 'no stream')
    const { network, outcome, heard, done } = stage({ judge: () => Promise.reject(error) })
    await settled()
    const connection = network.last.answer()
    await done
    expect([outcome, heard, connection.cancelled, network.last.request.signal.aborted]).toEqual([
      [error],
      [],
      true,
      true,
    ])
  })

  test('of whoever reads end it after what came before', async () => {
    const error = new StreamError('gap', 'missing')
    const { network, outcome, done } = stage({
      read() {
        throw error
      },
    })
    await settled()
    const connection = network.last.answer()
    connection.send({ data: 'a' })
    await done
    expect([outcome, connection.cancelled]).toEqual([[error], true])
  })

  test.each([
    ['credentials', 'auth'],
    ['an answer', 'network'],
  ])('[F6] no %s within connectTimeout', async (what, code) => {
    const { clock, outcome } = stage(what === 'credentials' ? { request: () => new Promise(() => {}) } : { deaf: true })
    await clock.advance(999)
    expect(outcome).toEqual([])
    await clock.advance(1)
    expect(outcome).toMatchObject([{ code, retryable: true, message: 'Nothing within 1000 ms: GET https://api.test/' }])
  })

  test('[F4] silence', async () => {
    const { clock, network, outcome } = stage({ idleTimeout: 500 })
    await settled()
    network.last.answer().send({ data: 'a' })
    await settled()
    await clock.advance(500)
    expect(outcome).toMatchObject([{ code: 'idle', retryable: true }])
    expect(clock.due).toEqual([])
  })
})

describe('[F36] [F37] given up', () => {
  /** What aborts once whoever waits for it has been told that it is there, and before he goes on. */
  const abortAfter = <Value>(value: Value, controller: AbortController): Promise<Value> => {
    const promise = Promise.resolve(value)
    queueMicrotask(() => promise.then(() => controller.abort('enough')))
    return promise
  }

  test('in the microtask between an answer and what is done with it', async () => {
    const rig = stage({ judge: () => abortAfter(undefined, rig.controller) })
    await settled()
    rig.network.last.answer()
    await settled()
    expect([rig.heard, rig.outcome]).toEqual([[], ['enough']])
  })

  test('in the microtask between a read and what is done with it', async () => {
    const controller = new AbortController()
    const heard: string[] = []
    const batch: Batch = { blocks: [{ type: 'message', data: 'a', id: undefined }], bytes: 9 }
    const connection = {
      status: 200,
      url: asked.url,
      headers: new Headers(),
      read: () => abortAfter(batch, controller),
      problem: async () => '',
      cancel: () => heard.push('cancelled'),
    }
    const attempt = runAttempt(
      { connect: async () => connection, clock: createManualClock(), connectTimeout: 1_000 },
      controller,
      {
        name: 'GET https://api.test/',
        request: async (signal) => ({ ...asked, signal }),
        judge: async () => {},
        opened: () => heard.push('opened'),
        read: () => void heard.push('read'),
      },
    )
    await expect(attempt).rejects.toBe('enough')
    expect(heard).toEqual(['opened', 'cancelled'])
  })

  test.each(['asking', 'connecting', 'reading', 'held back'])(
    'while %s: at once, and no hook is called after it',
    async (when) => {
      const { controller, network, heard, outcome, clock } = stage({
        deaf: true,
        ...(when === 'asking' && { request: () => new Promise(() => {}) }),
        ...(when === 'held back' && { read: () => new Promise(() => {}) }),
      })
      await settled()
      const connection = when === 'reading' || when === 'held back' ? network.last.answer() : undefined
      connection?.send({ data: 'a' })
      await settled()
      const before = [...heard]
      controller.abort('enough')
      await settled()
      expect(outcome).toEqual(['enough'])
      const late = when === 'connecting' ? network.last.answer() : connection
      late?.send({ data: 'late' })
      await settled()
      expect([heard, clock.due, late?.cancelled ?? true]).toEqual([before, [], true])
    },
  )

  test('by a hook: the rest is silence', async () => {
    const rig = stage({ opened: () => rig.controller.abort('enough') })
    await settled()
    rig.network.last.answer().send({ data: 'a' })
    await settled()
    expect([rig.heard, rig.outcome]).toEqual([[], ['enough']])
  })
})

test('[F4] [F33] who holds the reading back is no silent server', async () => {
  const { network, clock, outcome, controller } = stage({ idleTimeout: 500, read: () => new Promise(() => {}) })
  await settled()
  network.last.answer().send({ data: 'a' })
  await clock.advance(10_000)
  expect(outcome).toEqual([])
  controller.abort('enough')
  await settled()
  expect(outcome).toEqual(['enough'])
})

test('[F33] what reading returns holds the next read back', async () => {
  let release!: () => void
  const { network, heard } = stage({ read: () => new Promise<void>((resolve) => (release = resolve)) })
  await settled()
  const connection = network.last.answer()
  connection.send({ data: 'a' })
  connection.send({ data: 'b' })
  await settled()
  expect([connection.unread, heard]).toEqual([1, ['opened']])
  release()
  await settled()
  expect(connection.unread).toBe(0)
})
