/** The listeners of a stream, by event type. */
import { onAbort } from '../base/abort-listeners.ts'
import type { ListenerOptions, StreamEvent } from '../base/events.ts'
import { callSafely } from '../base/report-error.ts'

export type Listener = (event: never) => unknown

export interface Listeners {
  /** Adds a listener, for events of all types if `type` is `undefined`. Returns an idempotent function that removes it. */
  add(type: string | undefined, listener: Listener, options: ListenerOptions, once: boolean): () => void
  /** Calls the listeners of an event, as long as `isOpen()`. */
  call(event: StreamEvent, isOpen: () => boolean): void
  /** Removes the listeners that have a signal, because no event follows: signals may live longer than the stream. */
  releaseSignals(): void
}

const none: readonly Listener[] = []

/** Creates an empty set of listeners. */
export function createListeners(): Listeners {
  /** The arrays are replaced, not changed, so that a change does not affect an event that is being delivered. */
  const byType = new Map<string | undefined, readonly Listener[]>()
  /** The listeners of the last event's type, which is mostly the type of the next event, too (bench/clients). */
  let lastLookup: { readonly type: string; readonly group: readonly Listener[] } | undefined

  /** Removes each listener that has a signal. */
  const removers = new Set<() => void>()

  const groupOf = (type: string | undefined): readonly Listener[] => byType.get(type) ?? none
  const setGroup = (type: string | undefined, group: readonly Listener[]): void => {
    byType.set(type, group)
    lastLookup = undefined
  }
  const callGroup = (group: readonly Listener[], event: StreamEvent, isOpen: () => boolean): void => {
    for (const listener of group) if (isOpen()) callSafely(listener, event as never)
  }
  return {
    add(type, listener, { signal }, once) {
      let isAdded = true
      let removeAbortListener: (() => void) | undefined
      const remove = (): void => {
        isAdded = false
        setGroup(
          type,
          groupOf(type).filter((other) => other !== added),
        )
        removers.delete(remove)
        removeAbortListener?.()
      }
      // An event that is being delivered does not reach a listener that was removed (DOM standard, "inner invoke").
      const added: Listener = (event) => {
        if (!isAdded) return undefined
        if (once) remove()
        return listener(event)
      }
      if (signal?.aborted) return remove
      setGroup(type, [...groupOf(type), added])
      if (signal) {
        removeAbortListener = onAbort(signal, remove)
        removers.add(remove)
      }
      return remove
    },
    call(event, isOpen) {
      const { type } = event
      if (lastLookup?.type !== type) lastLookup = { type, group: groupOf(type) }
      callGroup(lastLookup.group, event, isOpen)
      callGroup(groupOf(undefined), event, isOpen)
    },
    releaseSignals() {
      for (const remove of removers) remove()
    },
  }
}
