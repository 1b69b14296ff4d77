/** The registry of runs: their owners, their idempotency keys, and how long they are kept. */
import type { Clock } from '../../server/base/clock.ts'
import type { Run, RunPlan } from './run.ts'
import { createRun } from './run.ts'

/** A request to start a run. */
export interface StartRequest {
  readonly owner: string
  readonly method: string
  readonly path: string
  /** `Idempotency-Key`: later requests with the same key join the run. */
  readonly key: string | undefined
  /** Content of the request: the same key with a different fingerprint is a conflict. */
  readonly fingerprint: string
}

/** The result of a request to start a run. */
export type StartResult =
  | { readonly outcome: 'started' | 'joined'; readonly run: Run }
  /** The key was used with a different body. */
  | { readonly outcome: 'conflict' }
  /** The registry is full of runs that are still in use. */
  | { readonly outcome: 'full' }

/** All runs of a server. */
export interface RunRegistry {
  readonly runs: readonly Run[]
  /** Starts a run, or joins the run with the same key; `plan` is called only for a new run. */
  start(request: StartRequest, plan: () => RunPlan): StartResult
  /** Returns a run of this owner; runs of other owners are treated as unknown. */
  find(id: string, owner: string): Run | undefined
  /** Cancels the run with this key; a run that has not started yet is cancelled when it starts. */
  cancelByKey(request: Pick<StartRequest, 'owner' | 'path'> & { readonly key: string }): void
  /** Cuts every connection; the runs continue. */
  drop(): void
  /** Stops and forgets all runs, and ends every connection. */
  clear(endState: 'cut' | 'ended'): void
}

/** Options of `createRunRegistry`. Durations are in milliseconds. */
export interface RegistryOptions {
  /** How long a run is kept after it ends or its last reader leaves, whichever is later. */
  readonly retention: number
  /** How long an unfinished run continues without a reader. */
  readonly abandon: number
  /** Maximum number of runs kept. */
  readonly maxRuns: number
  readonly clock: Clock
}

interface Entry {
  readonly run: Run
  readonly owner: string
  readonly scopedKey: string | undefined
  readonly fingerprint: string
  stopTimer?: () => void
}

const createScopedKey = (owner: string, method: string, path: string, key: string): string =>
  JSON.stringify([owner, method, path, key])

/** Creates an empty registry. */
export function createRunRegistry({ retention, abandon, maxRuns, clock }: RegistryOptions): RunRegistry {
  const entries = new Map<string, Entry>()
  const entriesByKey = new Map<string, Entry>()
  /** Keys that were cancelled before their run started, each with a function that forgets the key. */
  const cancelledKeys = new Map<string, () => void>()

  const forget = (entry: Entry): void => {
    entry.stopTimer?.()
    entries.delete(entry.run.id)
    if (entry.scopedKey !== undefined) entriesByKey.delete(entry.scopedKey)
  }
  /** Sets the timer that the run's state requires; called whenever the state or the readers change. */
  const updateTimer = (entry: Entry): void => {
    entry.stopTimer?.()
    delete entry.stopTimer
    if (entry.run.readers > 0 || !entries.has(entry.run.id)) return
    entry.stopTimer =
      entry.run.state === 'running'
        ? clock.after(abandon, () => entry.run.cancel(), 'housekeeping')
        : clock.after(retention, () => forget(entry), 'housekeeping')
  }
  const makeRoom = (): boolean => {
    if (entries.size < maxRuns) return true
    for (const entry of entries.values()) {
      if (entry.run.state === 'running' || entry.run.readers > 0) continue
      forget(entry)
      return true
    }
    return false
  }

  return {
    get runs() {
      return Array.from(entries.values(), ({ run }) => run)
    },
    start({ owner, method, path, key, fingerprint }, plan) {
      const scopedKey = key === undefined ? undefined : createScopedKey(owner, method, path, key)
      const existing = scopedKey === undefined ? undefined : entriesByKey.get(scopedKey)
      if (existing)
        return existing.fingerprint === fingerprint ? { outcome: 'joined', run: existing.run } : { outcome: 'conflict' }
      if (!makeRoom()) return { outcome: 'full' }
      const tombstone = key === undefined ? undefined : createScopedKey(owner, '', path, key)
      const forgetTombstone = tombstone === undefined ? undefined : cancelledKeys.get(tombstone)
      const requestedPlan = plan()
      let entry: Entry | undefined
      // For a cancelled key, generate nothing; the long delay keeps the run from ending before it is cancelled below.
      const effectivePlan = forgetTombstone
        ? { ...requestedPlan, deltas: [], events: [], error: undefined, delay: 3_600_000 }
        : requestedPlan
      const run = createRun(effectivePlan, clock, () => entry && updateTimer(entry))
      entry = { run, owner, scopedKey, fingerprint }
      entries.set(run.id, entry)
      if (scopedKey !== undefined) entriesByKey.set(scopedKey, entry)
      if (forgetTombstone) {
        forgetTombstone()
        run.cancel()
      }
      updateTimer(entry)
      return { outcome: 'started', run }
    },
    find(id, owner) {
      const entry = entries.get(id)
      return entry?.owner === owner ? entry.run : undefined
    },
    cancelByKey({ owner, path, key }) {
      const existing = ['POST', 'GET'].flatMap(
        (method) => entriesByKey.get(createScopedKey(owner, method, path, key)) ?? [],
      )
      for (const { run } of existing) run.cancel()
      const tombstone = createScopedKey(owner, '', path, key)
      if (existing.length > 0 || cancelledKeys.has(tombstone) || cancelledKeys.size >= maxRuns) return
      const stopTimer = clock.after(retention, () => void cancelledKeys.delete(tombstone), 'housekeeping')
      cancelledKeys.set(tombstone, () => {
        stopTimer()
        cancelledKeys.delete(tombstone)
      })
    },
    drop() {
      for (const { run } of entries.values()) run.drop('cut')
    },
    clear(endState) {
      for (const forgetTombstone of cancelledKeys.values()) forgetTombstone()
      for (const entry of entries.values()) {
        forget(entry)
        entry.run.stop()
        entry.run.drop(endState)
      }
    },
  }
}
