/** The subscriber survives failures of its connection, and never mixes up its commands. */
import { expect, test } from 'vitest'
import type { Wake } from '../../../server/log/event-log.ts'
import type { RedisSubscriber } from '../../../server/redis/client.ts'
import { createSubscriber } from '../../../server/redis/subscriber.ts'
import { flushMicrotasks } from '../../support/flush-microtasks.ts'

/** A subscriber on clients whose replies the test gives. */
function openSubscriber() {
  const calls: { readonly name: string; readonly resolve: () => void; readonly reject: (error: Error) => void }[] = []
  const errors: string[] = []
  const listeners: Record<string, (error: Error) => void> = {}
  const channels = new Map<string, (message: string) => void>()
  const call = (name: string, done = (): void => {}): Promise<void> =>
    new Promise((resolve, reject) => {
      calls.push({ name, reject, resolve: () => (done(), resolve()) })
    })
  const connection: RedisSubscriber = {
    connect: () => call('connect'),
    subscribe: (channel, listener) => call(`subscribe ${channel}`, () => channels.set(channel, listener)),
    unsubscribe: (channel) => call(`unsubscribe ${channel}`, () => channels.delete(channel)),
    on: (event: string, listener: (error: Error) => void) => (listeners[event] = listener),
    destroy: () => calls.push({ name: 'destroy', resolve() {}, reject() {} }),
  }
  const client = { sendCommand: () => expect.unreachable(), duplicate: () => connection }
  const subscriber = createSubscriber(client, {
    channelOf: (stream) => `c:${stream}`,
    onError: ({ message }) => errors.push(message),
  })
  /** Checks the next call to the client, and replies to it. */
  const reply = async (name: string, error?: Error): Promise<void> => {
    await flushMicrotasks()
    const next = calls.shift()
    expect(next?.name).toBe(name)
    if (error) next!.reject(error)
    else next!.resolve()
    await flushMicrotasks()
  }
  const wakes: Wake[] = []
  const tail = (stream: string): (() => void) => subscriber.tail(stream, (reason) => wakes.push(reason))
  return {
    subscriber,
    tail,
    wakes,
    reply,
    calls,
    errors,
    channels,
    emit: (event: string) => listeners[event]!(new Error('broken')),
  }
}

test('readers of one stream share a subscription, and are woken when it is in force', async () => {
  const { tail, wakes, reply, calls, channels } = openSubscriber()
  tail('a')
  tail('a')
  await reply('connect')
  expect(wakes).toEqual([])
  await reply('subscribe c:a')
  expect(wakes).toEqual(['appended', 'appended'])
  channels.get('c:a')!('stopped')
  expect(wakes.slice(2)).toEqual(['stopped', 'stopped'])
  expect(calls).toEqual([])
})

test('the last reader that leaves ends the subscription', async () => {
  const { tail, reply, calls, channels } = openSubscriber()
  const stops = [tail('a'), tail('a')]
  await reply('connect')
  await reply('subscribe c:a')
  stops[0]!()
  await flushMicrotasks()
  expect(calls).toEqual([])
  stops[1]!()
  await reply('unsubscribe c:a')
  expect(channels.size).toBe(0)
})

test('a reader that comes while the last one leaves is subscribed after the reply', async () => {
  const { tail, wakes, reply, calls } = openSubscriber()
  const stop = tail('a')
  await reply('connect')
  await reply('subscribe c:a')
  stop()
  tail('a')
  await flushMicrotasks()
  expect(calls.map(({ name }) => name)).toEqual(['unsubscribe c:a'])
  await reply('unsubscribe c:a')
  await reply('subscribe c:a')
  expect(wakes).toEqual(['appended', 'appended'])
})

test('a reader that leaves before the subscription is in force leaves nothing behind', async () => {
  const { tail, wakes, reply, calls } = openSubscriber()
  tail('a')()
  await reply('connect')
  await reply('subscribe c:a')
  await reply('unsubscribe c:a')
  expect([wakes, calls]).toEqual([[], []])
})

test('a subscription that fails is reported, and tried again when the connection is ready', async () => {
  const { tail, wakes, reply, errors, emit } = openSubscriber()
  tail('a')
  await reply('connect')
  await reply('subscribe c:a', new Error('socket closed'))
  emit('error')
  expect(errors).toEqual(['socket closed', 'broken'])
  emit('ready')
  await reply('subscribe c:a')
  expect(wakes).toEqual(['appended'])
})

test('readers are woken when the connection was replaced', async () => {
  const { tail, wakes, reply, calls, emit } = openSubscriber()
  tail('a')
  await reply('connect')
  await reply('subscribe c:a')
  emit('ready')
  expect(wakes).toEqual(['appended', 'appended'])
  expect(calls).toEqual([])
})

test('a connection that was never made is made for the next reader', async () => {
  const { tail, wakes, reply, errors } = openSubscriber()
  tail('a')
  await reply('connect', new Error('refused'))
  expect(errors).toEqual(['refused'])
  tail('a')
  await reply('connect')
  await reply('subscribe c:a')
  expect(wakes).toEqual(['appended', 'appended'])
})

test('close destroys the connection, and no reader is woken or reported afterwards', async () => {
  const { subscriber, tail, wakes, reply, calls, errors, channels } = openSubscriber()
  tail('a')
  await reply('connect')
  await reply('subscribe c:a')
  tail('b')
  await flushMicrotasks()
  subscriber.close()
  expect(calls.map(({ name }) => name)).toEqual(['subscribe c:b', 'destroy'])
  calls[0]!.reject(new Error('destroyed'))
  await flushMicrotasks()
  channels.get('c:a')!('appended')
  tail('c')()
  expect(wakes).toEqual(['appended'])
  expect(errors).toEqual([])
})
