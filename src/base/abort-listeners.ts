/** Listeners for the abort of a signal, with one platform listener per signal: Node warns about more than ten. */
import { callSafely } from './report-error.ts'

const listenersBySignal = new WeakMap<EventTarget, Set<() => void>>()

/** The platform listener of all signals. */
function callListeners({ target }: Event): void {
  const listeners = listenersBySignal.get(target!)!
  target!.removeEventListener('abort', callListeners)
  for (const listener of listeners) {
    // A listener that is called later may remove this one again.
    listeners.delete(listener)
    callSafely(listener, undefined)
  }
}

/**
 * Calls `listener` when `signal` aborts, and returns an idempotent function that removes it. Listeners are called once,
 * in the order in which they were added, and never if `signal` has aborted before. As with `addEventListener`, adding
 * the same function again has no effect.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) return () => {}
  const listeners = listenersBySignal.get(signal) ?? new Set()
  listenersBySignal.set(signal, listeners.add(listener))
  // The platform adds the same function only once.
  signal.addEventListener('abort', callListeners)
  return () => {
    listeners.delete(listener)
    if (!listeners.size) signal.removeEventListener('abort', callListeners)
  }
}

/** Throws the reason of a signal that has aborted. React Native's signals lack the method of this name. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw signal.reason
}
