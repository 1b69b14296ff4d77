/** Stores that do as a test says: at once, later, never, or not at all. */
import type { PersistStorage } from '../../src/persist.ts'

export interface RecordedStore extends PersistStorage {
  /** What is stored now. */
  readonly items: Map<string, string>
  /** What was asked of it, in order: `set a`, `remove a`, `get a`. */
  readonly calls: string[]
}

/** Answers at once, as `sessionStorage` does. */
export function createRecordedStore(stored: Record<string, string> = {}): RecordedStore {
  const items = new Map(Object.entries(stored))
  const calls: string[] = []
  return {
    items,
    calls,
    getItem(key) {
      calls.push(`get ${key}`)
      return items.get(key) ?? null
    },
    setItem(key, value) {
      calls.push(`set ${key} ${value}`)
      items.set(key, value)
    },
    removeItem(key) {
      calls.push(`remove ${key}`)
      items.delete(key)
    },
  }
}

export interface SlowStore extends PersistStorage {
  readonly items: Map<string, string>
  /** What is under way, oldest first: name, and what lets it happen or fail. */
  readonly pending: { name: string; complete(): Promise<void>; fail(error: unknown): Promise<void> }[]
}

/** Answers when the test says so; what it was asked happens then as well. */
export function createSlowStore(stored: Record<string, string> = {}): SlowStore {
  const items = new Map(Object.entries(stored))
  const pending: SlowStore['pending'] = []
  const defer = <Value>(name: string, act: () => Value): Promise<Value> =>
    new Promise((resolve, reject) => {
      const entry: SlowStore['pending'][number] = {
        name,
        async complete() {
          pending.splice(pending.indexOf(entry), 1)
          resolve(act())
        },
        async fail(error) {
          pending.splice(pending.indexOf(entry), 1)
          reject(error)
        },
      }
      pending.push(entry)
    })
  return {
    items,
    pending,
    getItem: (key) => defer(`get ${key}`, () => items.get(key) ?? null),
    setItem: (key, value) => defer(`set ${key} ${value}`, () => void items.set(key, value)),
    removeItem: (key) => defer(`remove ${key}`, () => void items.delete(key)),
  }
}
