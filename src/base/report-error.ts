/** Reports errors that no caller can catch: exceptions in user callbacks, and failures without a handler. */

/** Reports `error` like an uncaught exception, without interrupting the caller. */
export function reportUncaughtError(error: unknown): void {
  // HTML standard, section "Runtime script errors". Node lacks `reportError`, and throwing the error would end the
  // process, so the error is logged instead.
  if (typeof reportError === 'function') reportError(error)
  else console.error(error)
}

/** Calls a user's callback and reports any exception or rejection, which thus cannot break the stream. */
export function callSafely<Value>(callback: ((value: Value) => unknown) | undefined, value: Value): void {
  try {
    const result = callback?.(value)
    if (result instanceof Promise) result.catch(reportUncaughtError)
  } catch (error) {
    reportUncaughtError(error)
  }
}
