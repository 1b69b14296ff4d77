/** What has to be done before a page goes, which may be without another word: hidden, frozen, left. */

const acts = new Set<() => void>()

/** Heard on the way down: two of them are sent to the document, and one does not rise from there. */
const signs = ['pagehide', 'visibilitychange', 'freeze']

/** Does all of it now. */
export function performLastActs(): void {
  for (const act of acts) act()
}

/** Has `act` done as soon as the page may go. */
export function addLastAct(act: () => void): void {
  // Not in Node.
  if (!acts.size) for (const sign of signs) globalThis.addEventListener?.(sign, performLastActs, true)
  acts.add(act)
}

/** There is nothing left for `act` to do; the last one takes the listeners with it. */
export function removeLastAct(act: () => void): void {
  if (acts.delete(act) && !acts.size)
    for (const sign of signs) globalThis.removeEventListener?.(sign, performLastActs, true)
}
