/** Which runs there are: who owns them, by which key they are joined, how long they are kept. */
import type { Clock } from '../base/clock.ts'
import type { Run, RunPlan } from './run.ts'
import { createRun } from './run.ts'

/** A request that may start a run. */
export interface StartRequest {
  readonly owner: string
  readonly method: string
  readonly path: string
  /** `Idempotency-Key`: the same one joins the run that it started. */
  readonly key: string | undefined
  /** What was asked: the same key with something else is refused. */
  readonly fingerprint: string
}

/** What became of a request to start a run. */
export type StartResult =
  | { readonly outcome: 'started' | 'joined'; readonly run: Run }
  /** The key is that of another body. */
  | { readonly outcome: 'conflict' }
  /** Too many runs are kept. */
  | { readonly outcome: 'full' }

/** All runs of a server. */
export interface RunRegistry {
  readonly runs: readonly Run[]
  /** Starts a run or joins the one with the same key; `plan` is only asked for a new one. */
  start(request: StartRequest, plan: () => RunPlan): StartResult
  /** A run of this owner; another's is as unknown as one that never was. */
  find(id: string, owner: string): Run | undefined
  /** Cancels the run with this key; one that has not come yet is cancelled as it comes. */
  cancelByKey(request: Pick<StartRequest, 'owner' | 'path'> & { readonly key: string }): void
  /** Cuts every connection; the runs go on. */
  drop(): void
  /** Forgets everything, stops what runs, and ends every connection. */
  clear(endState: 'cut' | 'ended'): void
}

/** How long runs are kept, in milliseconds, and how many. */
export interface RegistryOptions {
  /** After the later of a run's end and its last reader. */
  readonly retention: number
  /** An unfinished run without a reader is stopped. */
  readonly abandon: number
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

/** Makes an empty registry. */
export function createRunRegistry({ retention, abandon, maxRuns, clock }: RegistryOptions): RunRegistry {
  const entries = new Map<string, Entry>()
  const entriesByKey = new Map<string, Entry>()
  /** Keys that were cancelled before their run came, with what forgets them. */
  const cancelledKeys = new Map<string, () => void>()

  const forget = (entry: Entry): void => {
    entry.stopTimer?.()
    entries.delete(entry.run.id)
    if (entry.scopedKey !== undefined) entriesByKey.delete(entry.scopedKey)
  }
  /** Sets the timer that fits the run's state; called at each change of it. */
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
      // A run that was cancelled before it came says so, and generates nothing: its first delta would be an hour away.
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
