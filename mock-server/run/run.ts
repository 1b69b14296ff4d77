/** A run: generates its events over time, with or without readers, and keeps them for later readers. */
import type { Clock } from '../../server/base/clock.ts'
import { createEventLog } from '../base/event-log.ts'
import type { ExtraEvent } from '../scenario/rule.ts'
import type { Frame } from '../stream/frame.ts'
import { createFrame } from '../stream/frame.ts'
import type { Source } from '../stream/source.ts'

/** The content and timing of a run. */
export interface RunPlan {
  readonly prompt: string
  readonly deltas: readonly string[]
  /** Milliseconds between deltas; 0 generates all of them at once. */
  readonly delay: number
  readonly events: readonly ExtraEvent[]
  readonly finishReason: 'stop' | 'length'
  /** Ends the run with an `error` event after this many deltas. */
  readonly error?: { readonly after: number; readonly code: string; readonly retryable: boolean } | undefined
  /** Heartbeat interval that `start` announces, in milliseconds; 0 announces none. */
  readonly heartbeat: number
  /** Returns the `resume` URL reference for a run ID. */
  readonly resume: (id: string) => string
}

/** An event of a run, before it is encoded. */
export interface RunEvent {
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}

/** Encodes an event as frames, in the reader's protocol. */
export type FrameEncoder = (event: RunEvent, position: number) => Frame[]

/** A run of the mock server. */
export interface Run {
  /** Unguessable ID: the `streamId` of its `start` event. */
  readonly id: string
  readonly prompt: string
  /** `finished` once its terminal event has been generated. */
  readonly state: 'running' | 'finished'
  /** Number of connections that are reading the run. */
  readonly readers: number
  /** Position of the newest event; `start` has position 1. */
  readonly head: number
  /** Text generated so far. */
  readonly text: string
  /** Adds a reader that starts with the event after `position`; 0 starts with `start`. */
  read(position: number, encodeFrames?: FrameEncoder): Source
  /** Ends the run with `finishReason: "cancelled"`; has no effect on a finished run. */
  cancel(): void
  /** Stops generating without a terminal event, as if the server had crashed. */
  stop(): void
  /** Cuts every connection, or ends every response cleanly; the run continues. */
  drop(endState: 'cut' | 'ended'): void
}

/** Creates a run and starts generating. Calls `onChange` when the run ends and when its readers change. */
export function createRun(plan: RunPlan, clock: Clock, onChange: () => void = () => undefined): Run {
  const id = crypto.randomUUID()
  const log = createEventLog<RunEvent>()
  const readers = new Set<(endState: 'cut' | 'ended') => void>()
  let text = ''
  let nextIndex = 0
  let stopTimer: (() => void) | undefined
  /** Time at which the next delta is due, as a value of `clock.now()`. */
  let nextDeltaAt = 0

  const stopGenerating = (): void => {
    stopTimer?.()
    stopTimer = undefined
  }
  const send = (type: string, data: Record<string, unknown>): void => {
    log.append({ type, data })
  }
  const finish = (type: 'end' | 'error', data: Record<string, unknown>): void => {
    stopGenerating()
    send(type, data)
    log.close()
    onChange()
  }
  const end = (finishReason: string): void =>
    finish('end', {
      finishReason,
      timestamp: clock.date(),
      usage: { inputTokens: plan.prompt.length, outputTokens: nextIndex },
    })

  /** Sends the next delta and the extra events before it; returns whether the run continues. */
  const sendNextDelta = (): boolean => {
    for (const { after, type, data } of plan.events) if (after === nextIndex) send(type, { ...toObject(data) })
    if (plan.error?.after === nextIndex) {
      const { code, retryable } = plan.error
      finish('error', {
        code,
        message: `The generation failed after ${nextIndex} delta${nextIndex === 1 ? '' : 's'}.`,
        retryable,
      })
      return false
    }
    const content = plan.deltas[nextIndex]
    if (content === undefined) {
      end(plan.finishReason)
      return false
    }
    text += content
    send('delta', { content, index: nextIndex++ })
    return true
  }
  /** Sets the timer for the next delta. Without readers, the run continues but does not keep the process alive. */
  const armTimer = (): void => {
    stopTimer?.()
    const purpose = readers.size > 0 ? 'awaited' : 'housekeeping'
    stopTimer = clock.after(Math.max(0, nextDeltaAt - clock.now()), () => sendNextDelta() && schedule(), purpose)
  }
  const schedule = (): void => {
    nextDeltaAt = clock.now() + plan.delay
    armTimer()
  }
  const onReadersChange = (): void => {
    if (stopTimer) armTimer()
    onChange()
  }

  const heartbeat = plan.heartbeat > 0 ? { heartbeat: plan.heartbeat } : {}
  const timestamp = clock.date()
  send('start', { protocol: 1, streamId: id, prompt: plan.prompt, timestamp, resume: plan.resume(id), ...heartbeat })
  if (plan.delay > 0) schedule()
  else while (sendNextDelta());

  const encodeNative = createNativeEncoder(id)
  return {
    id,
    prompt: plan.prompt,
    get state() {
      return log.state === 'open' ? 'running' : 'finished'
    },
    get readers() {
      return readers.size
    },
    get head() {
      return log.head
    },
    get text() {
      return text
    },
    read(startPosition, encodeFrames = encodeNative) {
      let position = startPosition
      let state: Source['state'] = 'open'
      let pending: Frame[] = []
      const watchers = new Set<() => void>()
      const drop = (endState: 'cut' | 'ended'): void => {
        state = endState
        for (const onUpdate of watchers) onUpdate()
      }
      readers.add(drop)
      onReadersChange()
      return {
        get state() {
          if (state !== 'open') return state
          return log.state === 'closed' && position >= log.head && pending.length === 0 ? 'ended' : 'open'
        },
        take() {
          if (state !== 'open') return undefined
          while (pending.length === 0) {
            const event = log.at(position + 1)
            if (!event) return undefined
            pending = encodeFrames(event, ++position)
          }
          return pending.shift()
        },
        watch(onUpdate) {
          watchers.add(onUpdate)
          const unwatch = log.watch(onUpdate)
          return () => {
            watchers.delete(onUpdate)
            unwatch()
          }
        },
        close() {
          readers.delete(drop)
          onReadersChange()
        },
      }
    },
    cancel() {
      if (log.state === 'open') end('cancelled')
    },
    stop: stopGenerating,
    drop(endState) {
      for (const drop of readers) drop(endState)
    },
  }
}

const toObject = (data: unknown): object => (typeof data === 'object' && data !== null ? data : { value: data })

/** Creates an encoder for events as PROTOCOL.md defines them, with IDs that contain the `streamId`. */
function createNativeEncoder(id: string): FrameEncoder {
  const frames: Frame[] = []
  return (event, position) => {
    let frame = frames[position]
    if (!frame) {
      const { index } = event.data
      frame = createFrame({
        type: event.type,
        data: JSON.stringify(event.data),
        id: `${id}:${position}`,
        ...(event.type === 'delta' && typeof index === 'number' ? { index } : {}),
      })
      frames[position] = frame
    }
    return [frame]
  }
}
