/** Stores for tests: a synchronous store, and an asynchronous store whose calls the test completes. */
import type { PersistStorage } from '../../src/persist.ts'

export interface RecordedStore extends PersistStorage {
  /** The stored items. */
  readonly items: Map<string, string>
  /** The calls in order: `get key`, `set key value`, `remove key`. */
  readonly calls: string[]
}

/** Creates a synchronous store, like `sessionStorage`. */
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
  /** The stored items. */
  readonly items: Map<string, string>
  /** The calls in flight, oldest first. `complete()` performs a call, `fail()` rejects it. */
  readonly pending: { name: string; complete(): Promise<void>; fail(error: unknown): Promise<void> }[]
}

/** Creates an asynchronous store. A call takes effect and settles when the test completes it. */
export function createSlowStore(stored: Record<string, string> = {}): SlowStore {
  const items = new Map(Object.entries(stored))
  const pending: SlowStore['pending'] = []
  const defer = <Value>(name: string, perform: () => Value): Promise<Value> =>
    new Promise((resolve, reject) => {
      const entry: SlowStore['pending'][number] = {
        name,
        async complete() {
          pending.splice(pending.indexOf(entry), 1)
          resolve(perform())
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
