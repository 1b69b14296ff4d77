/** The generation of a run: its deltas and other events over time, with or without readers. */
import type { Clock } from '../../server/base/clock.ts'
import type { Delta, End, FinishReason } from '../../server/run/delta.ts'
import { OtherEvent, RunError } from '../../server/run/delta.ts'
import type { ExtraEvent } from '../scenario/rule.ts'
import type { AnswerUsage } from './blocks.ts'

/** The content and timing of a run. */
export interface RunPlan {
  readonly prompt: string
  readonly deltas: readonly Delta[]
  /** Milliseconds between deltas; 0 generates all of them at once. */
  readonly delay: number
  readonly events: readonly ExtraEvent[]
  readonly finishReason: FinishReason
  /** Numbers of tokens that `end` reports. @defaultValue the length of the prompt, and the number of deltas */
  readonly usage?: AnswerUsage | undefined
  /** Ends the run with an `error` event after this many deltas. */
  readonly error?: { readonly after: number; readonly code: string; readonly retryable: boolean } | undefined
}

/** Waits between deltas. */
export interface Pacer {
  /** Resolves after `ms` milliseconds, or when `signal` aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>
  /** Says whether somebody waits for the run: without readers, it does not keep the process alive. */
  setPurpose(purpose: 'awaited' | 'housekeeping'): void
}

/** Creates the pacer of one run. */
export function createPacer(clock: Clock): Pacer {
  let purpose: 'awaited' | 'housekeeping' = 'housekeeping'
  let arm: (() => void) | undefined
  // Each wait begins when the one before it was due: time that passes in one step is worth as many deltas as in many.
  let dueAt = clock.now()
  return {
    wait: (ms, signal) =>
      new Promise((resolve) => {
        dueAt += ms
        let cancel = (): void => undefined
        const finish = (): void => {
          arm = undefined
          cancel()
          signal.removeEventListener('abort', finish)
          resolve()
        }
        arm = () => {
          cancel()
          cancel = clock.after(Math.max(0, dueAt - clock.now()), finish, purpose)
        }
        if (signal.aborted || dueAt <= clock.now()) return finish()
        signal.addEventListener('abort', finish)
        arm()
      }),
    setPurpose(newPurpose) {
      if (purpose === newPurpose) return
      purpose = newPurpose
      arm?.()
    },
  }
}

const toObject = (data: unknown): object => (typeof data === 'object' && data !== null ? { ...data } : { value: data })

/**
 * Generates what a run sends between `start` and its end.
 * @throws RunError if the plan has an error
 */
export async function* generateRun(
  plan: RunPlan,
  pacer: Pacer,
  signal: AbortSignal,
): AsyncGenerator<Delta | OtherEvent, End> {
  const { prompt, deltas, delay, events, finishReason, usage, error } = plan
  for (let index = 0; ; index++) {
    if (delay > 0) await pacer.wait(delay, signal)
    if (signal.aborted) return {}
    for (const { after, type, data } of events) if (after === index) yield new OtherEvent(type, toObject(data))
    if (error?.after === index) {
      const { code, retryable } = error
      throw new RunError(code, `The generation failed after ${index} delta${index === 1 ? '' : 's'}.`, { retryable })
    }
    const delta = deltas[index]
    if (delta === undefined)
      return { finishReason, usage: { inputTokens: prompt.length, outputTokens: index, ...usage } }
    yield delta
  }
}
