/** Flushes pending writes before the page is hidden, frozen or unloaded, after which it may not run again. */

const flushes = new Set<() => void>()

/** Listened to in the capture phase, because some are dispatched at the document, and `freeze` does not bubble. */
const PAGE_HIDE_EVENTS = ['pagehide', 'visibilitychange', 'freeze']

/** Calls all registered functions now. */
export function flushAll(): void {
  for (const flush of flushes) flush()
}

/** Registers a function to be called as soon as the page may be going away. */
export function addFlush(flush: () => void): void {
  // Node has no global `addEventListener`.
  if (!flushes.size) for (const type of PAGE_HIDE_EVENTS) globalThis.addEventListener?.(type, flushAll, true)
  flushes.add(flush)
}

/** Unregisters a function. Removes the event listeners together with the last function. */
export function removeFlush(flush: () => void): void {
  if (flushes.delete(flush) && !flushes.size)
    for (const type of PAGE_HIDE_EVENTS) globalThis.removeEventListener?.(type, flushAll, true)
}
