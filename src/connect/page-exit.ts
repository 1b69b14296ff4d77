/** Holds back failures while a page is being left: Firefox and WebKit abort its requests before `pagehide`. */
import { systemClock } from '../base/clock.ts'

/**
 * Milliseconds that the next page may take to replace this one, after which it counts as staying: the navigation was a
 * download, for example. No timer fires in a page that was left.
 */
const EXIT_TIMEOUT_MS = 2_000

/** What waits until the page stays; `undefined` while it is not being left. */
let waiting: Set<() => void> | undefined

/** The platform listener. A page that is shown again, from the back/forward cache, stays. */
function handlePageEvent({ type }: { type: string }): void {
  for (const stay of waiting ?? []) stay()
  waiting = type === 'beforeunload' ? new Set() : undefined
}

/** Notices from now on when the page is being left. */
export function watchPageExit(): void {
  // The platform adds the same function only once.
  for (const type of ['beforeunload', 'pageshow']) globalThis.addEventListener?.(type, handlePageEvent)
}

/** Resolves at once, or, while the page is being left, as soon as it turns out to stay or is shown again. */
export async function pageStays(): Promise<void> {
  if (!waiting) return
  const cancelTimer = systemClock.after(EXIT_TIMEOUT_MS, () => handlePageEvent({ type: 'stay' }))
  await new Promise<void>((resolve) => waiting!.add(resolve))
  cancelTimer()
}
