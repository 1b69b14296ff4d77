/** Scripts run by hash, within a timeout, and only so many at once. */
import { expect, test } from 'vitest'
import type { Clock } from '../../../server/base/clock.ts'
import { createCommands } from '../../../server/redis/commands.ts'
import { defineScript } from '../../../server/redis/scripts/prelude.ts'
import { flushMicrotasks } from '../../support/flush-microtasks.ts'
import { createManualClock } from '../../support/manual-clock.ts'

interface Command {
  readonly args: readonly string[]
  readonly signal: AbortSignal
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: Error) => void
}

const script = defineScript('example', { grows: true }, 'return 1')

/** Commands of a client whose replies the test gives. */
function openCommands(after?: Clock['after']) {
  const clock = createManualClock()
  const sent: Command[] = []
  let onSent = (): void => {}
  const client = {
    sendCommand: (args: string[], options?: { abortSignal?: AbortSignal }) =>
      new Promise((resolve, reject) => {
        sent.push({ args, signal: options!.abortSignal!, resolve, reject })
        onSent()
      }),
    duplicate: () => expect.unreachable(),
  }
  const untilSent = async (count: number): Promise<void> => {
    while (sent.length < count) await new Promise<void>((resolve) => (onSent = resolve))
  }
  return {
    commands: createCommands(client, { timeout: 5_000, clock: after ? { after } : clock }),
    clock,
    sent,
    untilSent,
  }
}

test('a script is sent by its hash, and as a whole if Redis does not know it', async () => {
  const { commands, sent, untilSent } = openCommands()
  const reply = commands.run(script, ['a', 'b'])
  await untilSent(1)
  expect(sent[0]!.args).toEqual(['EVALSHA', expect.stringMatching(/^[0-9a-f]{40}$/), '0', 'a', 'b'])
  sent[0]!.reject(new Error('NOSCRIPT No matching script. Please use EVAL.'))
  await untilSent(2)
  expect(sent[1]!.args).toEqual(['EVAL', script.source, '0', 'a', 'b'])
  sent[1]!.resolve('reply')
  expect(await reply).toBe('reply')
})

test('a timeout rejects the command and takes it back from the client', async () => {
  const { commands, clock, sent, untilSent } = openCommands()
  const reply = commands.run(script, [])
  await untilSent(1)
  const rejected = expect(reply).rejects.toThrow('Redis did not reply within 5000 ms (timeout): example')
  await clock.advance(5_000)
  await rejected
  expect(sent[0]!.signal.aborted).toBe(true)
  sent[0]!.reject(new Error('The command was aborted'))
})

test('a reply cancels the timeout', async () => {
  const { commands, clock, sent, untilSent } = openCommands()
  const reply = commands.run(script, [])
  await untilSent(1)
  sent[0]!.resolve(1)
  await reply
  expect(clock.pendingDelays).toEqual([])
  expect(sent[0]!.signal.aborted).toBe(false)
})

test('10,000 commands without a reply are the most, even after they have timed out', async () => {
  const timeouts: (() => void)[] = []
  const { commands, sent, untilSent } = openCommands((_ms, callback) => {
    timeouts.push(callback)
    return () => {}
  })
  const replies = Array.from({ length: 10_000 }, () => commands.run(script, []))
  const settled = Promise.allSettled(replies)
  await untilSent(10_000)
  for (const timeOut of timeouts) timeOut()
  expect((await settled).every(({ status }) => status === 'rejected')).toBe(true)
  await expect(commands.run(script, [])).rejects.toThrow(
    'Redis does not keep up: 10000 commands wait for a reply: example',
  )
  sent[0]!.resolve(1)
  await flushMicrotasks()
  void commands.run(script, [])
  await untilSent(10_001)
})
