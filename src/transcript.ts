/** What a run has said so far: its events become deltas in order, text, and an outcome. */
import { StreamError } from './base/errors.ts'
import type { Protocol, ProtocolEvent, Step } from './protocols/protocol.ts'
import { type PendingEvent, invalidData } from './validate.ts'

/** An event for the run's consumers; `step` tells deltas from the others. */
export interface RunItem extends PendingEvent {
  step: 'delta' | 'other'
}

/** How a run ended, by its own word. */
export type Outcome = Omit<Step<never> & { type: 'end' }, 'type'> | StreamError

export interface Transcript {
  /** The text received. */
  readonly text: string
  /** Whether any event has come. */
  readonly begun: boolean
  /** Where the run can be read again, absolute. */
  readonly resume: string | undefined
  /** Milliseconds between heartbeats, as announced. */
  readonly heartbeat: number | undefined
  readonly outcome: Outcome | undefined
  /** Takes one event; returns what of it consumers see. @throws StreamError `gap` or `invalid-data` */
  read(event: ProtocolEvent, address: string): RunItem[]
}

/** Begins a transcript; `from`: one that goes on where another was left. */
export function createTranscript<Delta>(
  protocol: Protocol<Delta>,
  from: { url: string; lastEventId?: string } | undefined,
): Transcript {
  const memory = {}
  let text = ''
  let begun = !!from
  let resume = from?.url
  let heartbeat: number | undefined
  let outcome: Outcome | undefined
  let next = from?.lastEventId === undefined ? 0 : undefined // the index due; not known where a run is joined midway
  let gap: number | undefined

  /** Whether the delta is due; an earlier one has been had. */
  const isDue = (index: number | undefined): boolean => {
    if (!protocol.resumable || index === undefined) return true
    next ??= index
    if (index > next) {
      // One more reading may bring what is missing; not again for the same place.
      const retryable = gap !== next
      gap = next
      throw new StreamError('gap', `Delta ${next} is missing, ${index} came instead`, { retryable })
    }
    if (index < next) return false
    next++
    return true
  }
  const other = (event: ProtocolEvent): RunItem => {
    const { type, id } = event
    let data: unknown = event.data
    try {
      data = JSON.parse(event.data)
    } catch (cause) {
      // Payloads are JSON in our protocol; others may say `[DONE]`.
      if (protocol.resumable) throw invalidData(event, cause)
    }
    return { type, data, id, step: 'other' }
  }

  return {
    get text() {
      return text
    },
    get begun() {
      return begun
    },
    get resume() {
      return resume
    },
    get heartbeat() {
      return heartbeat
    },
    get outcome() {
      return outcome
    },
    read(event, address) {
      if (outcome) return [] // nothing follows a terminal event
      const first = !begun
      begun = true
      let steps: Step<Delta>[]
      try {
        steps = protocol.map(event, memory)
      } catch (cause) {
        throw invalidData(event, cause)
      }
      if (!steps.length) return [other(event)]
      const items: RunItem[] = []
      for (const step of steps) {
        if (step.type === 'delta') {
          if (!isDue(step.index)) continue
          text += protocol.text?.(step.delta) ?? ''
          items.push({ type: 'delta', data: step.delta, id: event.id, step: 'delta' })
        } else if (step.type === 'error') {
          const { message, code, retryable = false } = step
          outcome = new StreamError('server', message, { serverCode: code, retryable })
        } else if (step.type === 'end') {
          outcome = step
          items.push(other(event))
        } else if (first) {
          if (protocol.resumable && step.resume) resume = new URL(step.resume, address).href
          heartbeat = step.heartbeat
          items.push(other(event))
        }
      }
      return items
    },
  }
}
