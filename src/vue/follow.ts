/** Connects a store with a Vue component: its snapshot becomes refs, and what it uses follows a source. */
import { type ComputedRef, computed, getCurrentInstance, onMounted, onScopeDispose, shallowRef, watch } from 'vue'
import type { ReadableStore } from '../store/snapshot.ts'

/** A ref for each field of a snapshot. */
export type SnapshotRefs<Snapshot> = { readonly [Field in keyof Snapshot]: ComputedRef<Snapshot[Field]> }

/** Calls `begin` once the component is mounted, which never happens on a server; at once outside of components. */
function whenMounted(begin: () => void): void {
  if (getCurrentInstance()) onMounted(begin)
  else begin()
}

/** Returns refs of the current snapshot, until the scope is disposed. */
export function refsOf<Snapshot extends object>(store: ReadableStore<Snapshot>): SnapshotRefs<Snapshot> {
  const snapshot = shallowRef(store.get())
  const update = (): void => {
    snapshot.value = store.get()
  }
  whenMounted(() => {
    onScopeDispose(store.subscribe(update))
    update()
  })
  const refs = Object.keys(snapshot.value).map((name) => [name, computed(() => snapshot.value[name as keyof Snapshot])])
  return Object.fromEntries(refs) as SnapshotRefs<Snapshot>
}

/** Calls `use` when the component is mounted and whenever `key()` has changed. */
export function follow(key: () => unknown, use: () => () => void): void {
  let release: (() => void) | undefined
  const change = (): void => {
    release?.()
    release = use()
  }
  whenMounted(() => watch(key, change, { immediate: true }))
  onScopeDispose(() => release?.())
}
