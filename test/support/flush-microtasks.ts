/** Microtask flushing, for tests that wait without advancing time. */

/** Resolves in a new task, after all microtasks, including those queued by other microtasks. */
export function flushMicrotasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
