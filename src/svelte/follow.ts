/** Connects a store with a Svelte component: its snapshot becomes getters, and what it uses follows a getter. */
import { onMount, untrack } from 'svelte'
import { createSubscriber } from 'svelte/reactivity'
import { toStore } from 'svelte/store'
import type { ReadableStore } from '../store/snapshot.ts'

/** A value, or a function that returns it from state. */
export type MaybeGetter<Value> = Value | (() => Value)

/** Returns the value, or the result of the function. */
export function valueOf<Value>(source: MaybeGetter<Value>): Value {
  return typeof source === 'function' ? (source as () => Value)() : source
}

/** Returns an object whose properties are those of the current snapshot, and reactive. */
export function gettersOf<Snapshot extends object>(store: ReadableStore<Snapshot>): Snapshot {
  const track = createSubscriber(store.subscribe)
  const result = {}
  for (const name of Object.keys(store.get()))
    Object.defineProperty(result, name, {
      enumerable: true,
      get() {
        track()
        return store.get()[name as keyof Snapshot]
      },
    })
  return result as Snapshot
}

/** Calls `use` when the component is mounted, which never happens on a server, and whenever `key()` has changed. */
export function follow(key: () => unknown, use: () => () => void): void {
  const keys = toStore(key)
  onMount(() => {
    let release: (() => void) | undefined
    const unsubscribe = keys.subscribe(() =>
      untrack(() => {
        release?.()
        release = use()
      }),
    )
    return () => {
      unsubscribe()
      release?.()
    }
  })
}
