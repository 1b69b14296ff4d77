/** Counts the users of a shared resource, and says when it has none. */
import type { Clock } from '../base/clock.ts'

/**
 * Returns a function that counts a user until its result is called. `onUnused` is called `linger` milliseconds after the
 * last one has gone, unless another has come: hot reloading unmounts a component and mounts it at once. What `isUnsent`
 * ends at once, so that nothing is sent for a component that is unmounted in the task in which it was mounted.
 */
export function createUsers(onUnused: () => void, isUnsent: () => boolean, clock: Clock, linger = 0): () => () => void {
  let count = 0
  const check = (): void => {
    if (!count) onUnused()
  }
  return () => {
    let isUsing = true
    count++
    return () => {
      if (!isUsing) return
      isUsing = false
      if (--count) return
      if (isUnsent()) onUnused()
      else if (linger) clock.after(linger, check)
      else queueMicrotask(check)
    }
  }
}
