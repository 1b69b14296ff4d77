/** An answer that only its own response reads: it is not kept, and stops when its reader leaves. */
import type { Clock } from '../../server/base/clock.ts'
import { nextTurn } from '../../server/base/next-turn.ts'
import type { End } from '../../server/run/delta.ts'
import { OtherEvent, isRunError } from '../../server/run/delta.ts'
import type { Frame } from '../stream/frame.ts'
import type { Source } from '../stream/source.ts'
import type { RunPlan } from './run.ts'
import { createPacer, generateRun } from './run.ts'

/** What happens to an answer. */
export type AnswerEvent =
  | { readonly type: 'start' }
  | { readonly type: 'delta'; readonly content: string }
  | { readonly type: 'other'; readonly event: OtherEvent }
  | { readonly type: 'end'; readonly end: End }
  | { readonly type: 'error'; readonly code: string; readonly message: string }

/** Yields the events of an answer, of which `end` or `error` is the last. */
export async function* readAnswer(plan: RunPlan, clock: Clock, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
  const pacer = createPacer(clock)
  pacer.setPurpose('awaited')
  const answer = generateRun(plan, pacer, signal)
  yield { type: 'start' }
  try {
    while (!signal.aborted) {
      const { done, value } = await answer.next()
      if (done) return yield { type: 'end', end: value }
      if (typeof value === 'string') yield { type: 'delta', content: value }
      else if (value instanceof OtherEvent) yield { type: 'other', event: value }
    }
  } catch (error) {
    if (!isRunError(error)) throw error
    yield { type: 'error', code: error.code, message: error.message }
  }
}

/** Creates a source of the frames that `encode` returns for each event. */
export function createAnswerSource(plan: RunPlan, clock: Clock, encode: (event: AnswerEvent) => Frame[]): Source {
  const controller = new AbortController()
  const watchers = new Set<() => void>()
  const frames: Frame[] = []
  let isComplete = false
  let isNotifying = false
  /** Reports what was generated in a turn of the event loop at once, so that it is written at once. */
  const notify = (): void => {
    if (isNotifying) return
    isNotifying = true
    nextTurn(() => {
      isNotifying = false
      for (const onUpdate of watchers) onUpdate()
    })
  }
  const generate = async (): Promise<void> => {
    for await (const event of readAnswer(plan, clock, controller.signal)) {
      frames.push(...encode(event))
      notify()
    }
    isComplete = true
    notify()
  }
  generate().catch(console.error)
  return {
    take: () => frames.shift(),
    get state() {
      return isComplete && frames.length === 0 ? 'ended' : 'open'
    },
    watch(onUpdate) {
      // A wrapper per call, so that the same callback can be registered twice.
      const watcher = (): void => onUpdate()
      watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
    close: () => controller.abort(),
  }
}
