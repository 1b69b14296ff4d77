/** Polling, for tests that communicate over real sockets. */
import { vi } from 'vitest'

/** Resolves with the first truthy value of `condition`. Rejects after 30 s, which only a hanging test reaches. */
export function waitUntil<Value>(condition: () => Value | Promise<Value>): Promise<NonNullable<Value>> {
  return vi.waitUntil(condition, { interval: 5, timeout: 30_000 }) as Promise<NonNullable<Value>>
}
