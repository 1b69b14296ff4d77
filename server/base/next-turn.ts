/** The next turn of the event loop. */

// Taken when this module loads: a test that replaces the timers later controls time, not the turns of the event loop.
const { setImmediate, setTimeout } = globalThis

/**
 * Calls `callback` in the next turn of the event loop, after everything that the current turn has to do: what several
 * callers want to be done at the end of a turn is then done once.
 */
export const nextTurn: (callback: () => void) => void =
  typeof setImmediate === 'function'
    ? (callback) => void setImmediate(callback)
    : (callback) => void setTimeout(callback)
