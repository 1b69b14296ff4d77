/** What has to be done before a page goes, which may be without another word: hidden, frozen, left. */

const flushes = new Set<() => void>()

/** Heard on the way down: two of them are sent to the document, and one does not rise from there. */
const PAGE_HIDE_EVENTS = ['pagehide', 'visibilitychange', 'freeze']

/** Does all of it now. */
export function flushAll(): void {
  for (const flush of flushes) flush()
}

/** Has `act` done as soon as the page may go. */
export function addFlush(flush: () => void): void {
  // Not in Node.
  if (!flushes.size) for (const type of PAGE_HIDE_EVENTS) globalThis.addEventListener?.(type, flushAll, true)
  flushes.add(flush)
}

/** There is nothing left for `act` to do; the last one takes the listeners with it. */
export function removeFlush(flush: () => void): void {
  if (flushes.delete(flush) && !flushes.size)
    for (const type of PAGE_HIDE_EVENTS) globalThis.removeEventListener?.(type, flushAll, true)
}
