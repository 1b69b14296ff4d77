/** `useRun` of React, Vue and Svelte in a page: requests and renders over the life of a component. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { persist } from '../../src/persist.ts'
import type { RunRequest } from '../../src/store.ts'
import { createRecordedStore } from '../persist/stores.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { delta, end, start } from '../support/native-events.ts'
import type { ScriptedConnection } from '../support/scripted-connect.ts'
import { createTestClient } from '../support/test-client.ts'
import { type AnswerProps, type MountAnswer, rendered } from './binding.ts'
import { mountReact } from './react.ts'
import { mountSvelte } from './svelte.ts'
import { mountVue } from './vue.ts'

const ask = (prompt: string): RunRequest => ({ url: '/generate', json: { prompt } })

const bindings: [name: string, mount: MountAnswer][] = [
  ['React in strict mode', mountReact],
  ['Vue', mountVue],
  ['Svelte', mountSvelte],
]
afterEach(() => {
  document.body.replaceChildren()
})

describe.each(bindings)('%s', (_, mount) => {
  /** Mounts a component in a test client whose network the test scripts. */
  const open = async (props: Partial<AnswerProps> = {}, testClient = createTestClient()) => {
    const answer = mount({ client: testClient.client, request: ask('one'), ...props })
    await rendered()
    const log = (): string[] =>
      testClient.network.attempts.map(({ request: { method, url } }) => `${method} ${url.slice(16)}`)
    return { ...testClient, answer, log }
  }
  const send = async (connection: ScriptedConnection, ...blocks: Parameters<ScriptedConnection['send']>) => {
    connection.send(...blocks)
    await flushMicrotasks()
  }

  test('mounting sends one request, and the text is exact after 2,000 deltas in at most 200 renders', async () => {
    const { answer, network, log } = await open()
    expect([answer.shown.status, log()]).toEqual(['submitted', ['POST /generate']])
    const connection = network.last.respond()
    await send(connection, start())
    let expected = ''
    for (let index = 0; index < 2_000; index++) {
      expected += `${index} `
      await send(connection, delta(index))
    }
    await send(connection, end())
    await rendered()
    expect(answer.shown).toMatchObject({ status: 'done', text: expected, finishReason: 'stop', error: undefined })
    expect(answer.pageText).toBe(expected)
    expect(answer.renderCount).toBeLessThanOrEqual(200)
    expect(log()).toEqual(['POST /generate'])
    answer.unmount()
    await rendered()
    expect(log()).toEqual(['POST /generate'])
  })

  test('the component shows the text while it arrives', async () => {
    const { answer, network } = await open()
    const connection = network.last.respond()
    await send(connection, start(), delta(0, 'a'))
    await rendered()
    expect([answer.shown.status, answer.pageText]).toEqual(['streaming', 'a'])
    await send(connection, delta(1, 'b'))
    await rendered()
    expect([answer.shown.status, answer.pageText, answer.shown.connection.status]).toEqual(['streaming', 'ab', 'open'])
  })

  test('a component that is unmounted in the task in which it was mounted sends nothing', async () => {
    const { client, network } = createTestClient()
    mount({ client, request: ask('one') }).unmount()
    await rendered()
    expect(network.attempts).toEqual([])
  })

  test('unmounting in mid-stream cancels the run on the server', async () => {
    const { answer, network, log } = await open()
    await send(network.last.respond(), start(), delta(0))
    answer.unmount()
    await rendered()
    expect(log()).toEqual(['POST /generate', 'DELETE /api/generate/r1'])
  })

  test('another prompt replaces the run, and the same prompt in another object does not', async () => {
    const { answer, network, log } = await open()
    await send(network.last.respond(), start(), delta(0))
    answer.change(ask('one'))
    await rendered()
    expect(log()).toEqual(['POST /generate'])
    answer.change(ask('two'))
    await rendered()
    expect(log().toSorted()).toEqual(['DELETE /api/generate/r1', 'POST /generate', 'POST /generate'])
    const second = network.attempts.findLast(({ request }) => request.method === 'POST')!
    expect(second.request.body).toBe('{"prompt":"two"}')
    await send(second.respond(), start(), delta(0, 'second'), end())
    await rendered()
    expect(answer.shown).toMatchObject({ status: 'done', text: 'second' })
    answer.change(null)
    await rendered()
    expect(answer.shown).toMatchObject({ status: 'idle', text: '', finishReason: undefined })
  })

  test('stop() cancels the run and keeps its text', async () => {
    const { answer, network, log } = await open()
    const connection = network.last.respond()
    await send(connection, start(), delta(0, 'a'))
    answer.shown.stop()
    await rendered()
    expect([answer.shown.status, log()]).toEqual(['stopped', ['POST /generate', 'DELETE /api/generate/r1']])
    network.last.respond({ status: 204 })
    await send(connection, end({ finishReason: 'cancelled' }))
    await rendered()
    expect(answer.shown).toMatchObject({ status: 'stopped', text: 'a', finishReason: 'cancelled' })
  })

  test.each(['is cut', 'ends cleanly'])('a run whose connection %s before its end resumes', async (how) => {
    const { answer, network, clock, log } = await open()
    const first = network.last.respond()
    await send(first, start(), delta(0, 'a'))
    if (how === 'is cut') first.disconnect()
    else first.end()
    await rendered()
    expect(answer.shown).toMatchObject({ status: 'streaming', text: 'a', connection: { status: 'waiting' } })
    await clock.advance(1_000)
    await send(network.last.respond(), delta(1, 'b'), end())
    await rendered()
    expect([answer.shown.status, answer.pageText, log()]).toEqual([
      'done',
      'ab',
      ['POST /generate', 'GET /api/generate/r1'],
    ])
  })

  test('a run that cannot resume by itself is an error, and resume() continues its text', async () => {
    const onError = vi.fn()
    const onFinish = vi.fn()
    const { answer, network, log } = await open({ options: { onError, onFinish } }, createTestClient({ retry: false }))
    const first = network.last.respond()
    await send(first, start(), delta(0, 'a'))
    first.end()
    await rendered()
    expect(answer.shown).toMatchObject({ status: 'error', text: 'a', error: { code: 'truncated' } })
    expect([onError.mock.calls.length, onFinish.mock.calls.length]).toEqual([1, 0])
    expect(answer.shown.resume()).toBe(true)
    await flushMicrotasks()
    await send(network.last.respond(), delta(1, 'b'), end())
    await rendered()
    expect(answer.shown).toMatchObject({ status: 'done', text: 'ab', error: undefined })
    expect(onFinish).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ text: 'ab' }))
    expect(log()).toEqual(['POST /generate', 'GET /api/generate/r1'])
  })

  test('after a reload in mid-answer, a run with persist is read again and never sent again', async () => {
    const storage = createRecordedStore()
    const request = (): RunRequest => ({ ...ask('one'), persist: persist({ key: 'message-1', storage }) })
    const before = await open({ request: request() })
    await send(before.network.last.respond(), start(), delta(0, 'a'))
    before.answer.unmount()
    await rendered()
    expect(before.log()).toEqual(['POST /generate'])

    const after = await open({ request: request() })
    expect(after.log()).toEqual(['GET /api/generate/r1'])
    await send(after.network.last.respond(), start(), delta(0, 'a'), delta(1, 'b'), end())
    await rendered()
    expect([after.answer.shown.status, after.answer.pageText, storage.items.size]).toEqual(['done', 'ab', 0])
  })

  test('in a hidden tab, which has no frames, the component is rendered every 250 ms', async () => {
    const clock = createManualClock()
    const { answer, network } = await open({ options: { clock } })
    const connection = network.last.respond()
    await rendered()
    vi.spyOn(globalThis, 'requestAnimationFrame').mockReturnValue(1)
    await send(connection, start(), delta(0, 'a'))
    await send(connection, delta(1, 'b'))
    await clock.advance(249)
    expect(answer.shown.text).toBe('')
    await clock.advance(1)
    expect(answer.shown.text || answer.pageText).toBe('ab')
    vi.restoreAllMocks()
    await rendered()
    expect(answer.pageText).toBe('ab')
  })

  test('start() without a declared request runs once per call, and retry() sends the request again', async () => {
    const { answer, network, log } = await open({ request: null })
    expect([answer.shown.status, log()]).toEqual(['idle', []])
    answer.shown.start(ask('one'))
    await rendered()
    await send(network.last.respond(), start(), end())
    await rendered()
    expect([answer.shown.status, log()]).toEqual(['done', ['POST /generate']])
    answer.shown.retry()
    await rendered()
    expect([answer.shown.status, log()]).toEqual(['submitted', ['POST /generate', 'POST /generate']])
    answer.shown.reset()
    await rendered()
    expect(answer.shown).toMatchObject({ status: 'idle', text: '' })
  })
})
