/** Waiting for what a real socket brings, for as long as it takes. */
import { vi } from 'vitest'

/** Resolves with the first truthy value of `condition`; rejects when it never comes. */
export function waitUntil<Value>(condition: () => Value | Promise<Value>): Promise<NonNullable<Value>> {
  return vi.waitUntil(condition, { interval: 5, timeout: 10_000 }) as Promise<NonNullable<Value>>
}
