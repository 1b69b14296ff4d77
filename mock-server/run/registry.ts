/** Which runs there are: who owns them, by which key they are joined, how long they are kept. */
import type { Clock } from '../base/clock.ts'
import type { Run, RunPlan } from './run.ts'
import { createRun } from './run.ts'

/** A request that may start a run. */
export interface Start {
  readonly owner: string
  readonly method: string
  readonly path: string
  /** `Idempotency-Key`: the same one joins the run that it started. */
  readonly key: string | undefined
  /** What was asked: the same key with something else is refused. */
  readonly fingerprint: string
}

/** What became of a request to start a run. */
export type Started =
  | { readonly outcome: 'started' | 'joined'; readonly run: Run }
  /** The key is that of another body. */
  | { readonly outcome: 'conflict' }
  /** Too many runs are kept. */
  | { readonly outcome: 'full' }

/** All runs of a server. */
export interface RunRegistry {
  readonly runs: readonly Run[]
  /** Starts a run or joins the one with the same key; `plan` is only asked for a new one. */
  start(request: Start, plan: () => RunPlan): Started
  /** A run of this owner; another's is as unknown as one that never was. */
  find(id: string, owner: string): Run | undefined
  /** Cancels the run with this key; one that has not come yet is cancelled as it comes. */
  cancelKey(request: Pick<Start, 'owner' | 'path'> & { readonly key: string }): void
  /** Cuts every connection; the runs go on. */
  drop(): void
  /** Forgets everything, stops what runs, and ends every connection. */
  clear(how: 'cut' | 'ended'): void
}

/** How long runs are kept, in milliseconds, and how many. */
export interface RegistryOptions {
  /** After the later of a run's end and its last reader. */
  readonly retention: number
  /** An unfinished run without a reader is stopped. */
  readonly abandon: number
  readonly limit: number
  readonly clock: Clock
}

interface Entry {
  readonly run: Run
  readonly owner: string
  readonly scope: string | undefined
  readonly fingerprint: string
  stopTimer?: () => void
}

const scopeOf = (owner: string, method: string, path: string, key: string): string =>
  JSON.stringify([owner, method, path, key])

/** Makes an empty registry. */
export function createRunRegistry({ retention, abandon, limit, clock }: RegistryOptions): RunRegistry {
  const entries = new Map<string, Entry>()
  const byKey = new Map<string, Entry>()
  /** Keys that were cancelled before their run came, with what forgets them. */
  const cancelled = new Map<string, () => void>()

  const forget = (entry: Entry): void => {
    entry.stopTimer?.()
    entries.delete(entry.run.id)
    if (entry.scope !== undefined) byKey.delete(entry.scope)
  }
  /** Sets the timer that fits the run's state; called at each change of it. */
  const settle = (entry: Entry): void => {
    entry.stopTimer?.()
    delete entry.stopTimer
    if (entry.run.readers > 0 || !entries.has(entry.run.id)) return
    entry.stopTimer =
      entry.run.state === 'running'
        ? clock.after(abandon, () => entry.run.cancel(), 'housekeeping')
        : clock.after(retention, () => forget(entry), 'housekeeping')
  }
  const makeRoom = (): boolean => {
    if (entries.size < limit) return true
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
      const scope = key === undefined ? undefined : scopeOf(owner, method, path, key)
      const known = scope === undefined ? undefined : byKey.get(scope)
      if (known)
        return known.fingerprint === fingerprint ? { outcome: 'joined', run: known.run } : { outcome: 'conflict' }
      if (!makeRoom()) return { outcome: 'full' }
      const tombstone = key === undefined ? undefined : scopeOf(owner, '', path, key)
      const forgetTombstone = tombstone === undefined ? undefined : cancelled.get(tombstone)
      const wanted = plan()
      let entry: Entry | undefined
      // A run that was cancelled before it came says so, and generates nothing: its first delta would be an hour away.
      const actual = forgetTombstone
        ? { ...wanted, deltas: [], events: [], error: undefined, delay: 3_600_000 }
        : wanted
      const run = createRun(actual, clock, () => entry && settle(entry))
      entry = { run, owner, scope, fingerprint }
      entries.set(run.id, entry)
      if (scope !== undefined) byKey.set(scope, entry)
      if (forgetTombstone) {
        forgetTombstone()
        run.cancel()
      }
      settle(entry)
      return { outcome: 'started', run }
    },
    find(id, owner) {
      const entry = entries.get(id)
      return entry?.owner === owner ? entry.run : undefined
    },
    cancelKey({ owner, path, key }) {
      const known = ['POST', 'GET'].flatMap((method) => byKey.get(scopeOf(owner, method, path, key)) ?? [])
      for (const { run } of known) run.cancel()
      const tombstone = scopeOf(owner, '', path, key)
      if (known.length > 0 || cancelled.has(tombstone) || cancelled.size >= limit) return
      const stopTimer = clock.after(retention, () => void cancelled.delete(tombstone), 'housekeeping')
      cancelled.set(tombstone, () => {
        stopTimer()
        cancelled.delete(tombstone)
      })
    },
    drop() {
      for (const { run } of entries.values()) run.drop('cut')
    },
    clear(how) {
      for (const forgetTombstone of cancelled.values()) forgetTombstone()
      for (const entry of entries.values()) {
        forget(entry)
        entry.run.stop()
        entry.run.drop(how)
      }
    },
  }
}
