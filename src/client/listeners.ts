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
}

/** Creates an empty set of listeners. Once `ended` aborts, the signals of the listeners are released. */
export function createListeners(ended: AbortSignal): Listeners {
  const byType = new Map<string | undefined, Set<Listener>>()
  /** The listeners of the last event's type, which is mostly the type of the next event, too (bench/clients). */
  let lastLookup: { readonly type: string; readonly group: Set<Listener> | undefined } | undefined

  const callGroup = (group: Set<Listener> | undefined, event: StreamEvent, isOpen: () => boolean): void => {
    if (group) for (const listener of group) if (isOpen()) callSafely(listener, event as never)
  }
  return {
    add(type, listener, { signal }, once) {
      const releases: (() => void)[] = []
      let isAdded = true
      const remove = (): void => {
        isAdded = false
        byType.get(type)?.delete(added)
        for (const release of releases) release()
      }
      const added: Listener = (event) => {
        if (!isAdded) return undefined
        if (once) remove()
        return listener(event)
      }
      if (signal?.aborted) return remove
      // A new set, so that an event that is being delivered does not reach the listener (DOM standard, "inner invoke").
      byType.set(type, new Set(byType.get(type)).add(added))
      lastLookup = undefined
      if (signal) releases.push(onAbort(signal, remove), onAbort(ended, remove))
      return remove
    },
    call(event, isOpen) {
      const { type } = event
      if (lastLookup?.type !== type) lastLookup = { type, group: byType.get(type) }
      callGroup(lastLookup.group, event, isOpen)
      callGroup(byType.get(undefined), event, isOpen)
    },
  }
}
