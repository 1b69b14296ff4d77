/** Where errors go that no caller can catch: what user callbacks throw, and failures nobody listens to. */

/** Reports `error` as an uncaught one, without stopping what runs. */
export function reportUncaughtError(error: unknown): void {
  // HTML standard, section "Runtime script errors"; Node has no `reportError`, and an uncaught error would end its process.
  if (typeof reportError === 'function') reportError(error)
  else console.error(error)
}

/** Calls a user's callback; what it throws, or rejects with, is reported, and never breaks the stream. */
export function callSafely<Value>(callback: ((value: Value) => unknown) | undefined, value: Value): void {
  try {
    const result = callback?.(value)
    if (result instanceof Promise) result.catch(reportUncaughtError)
  } catch (error) {
    reportUncaughtError(error)
  }
}
