/** Waiting, without time: until all work that is under way in microtasks is done. */

/** A task of its own comes after all microtasks, also those that they made. */
export function flushMicrotasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
