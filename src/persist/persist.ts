/** Saves a stream's cursor in a store, so that the stream resumes after a page reload. */
import { type Clock, systemClock } from '../base/clock.ts'
import { type Cursor, StreamError } from '../base/errors.ts'
import type { Persistence } from '../request/stream-options.ts'
import { flushAll } from './page-hide.ts'
import { hash } from './hash.ts'
import { type StoredFields, parseCursor } from './parse-cursor.ts'
import { createCursorWriter } from './cursor-writer.ts'

/** A store of strings, such as `sessionStorage`. Its methods may return promises. */
export interface PersistStorage {
  getItem(key: string): string | null | undefined | PromiseLike<string | null | undefined>
  setItem(key: string, value: string): unknown
  removeItem(key: string): unknown
}

/** Options for `persist`. */
export interface PersistOptions {
  /** Identifies the stream, that is, one run or one feed. The storage key is `rivulet:` followed by this key. */
  readonly key: string
  /** Where the cursor is saved. @defaultValue `sessionStorage`, which belongs to one tab and ends with it */
  readonly storage?: PersistStorage | undefined
  /** Clock for timers, to be replaced in tests. @defaultValue the platform's clock */
  readonly clock?: Clock | undefined
}

/**
 * A cursor in a store, for the `persist` option of a stream. Its methods neither throw nor reject, except that `load` does
 * so with code `expired` if the cursor belongs to another request.
 */
export interface StoredCursor extends Persistence {
  /** The key that identifies the stream. */
  readonly key: string
  /** Saves a cursor: immediately, or 250 ms after the previous write if that is later. */
  save(cursor: Cursor, request?: string): void
  /** Removes the saved cursor. */
  clear(): void
}

/** Milliseconds after which a store that has not returned the cursor is treated as empty. */
const LOAD_TIMEOUT_MS = 2_000

/**
 * Creates a value for the `persist` option of `stream` and `subscribe`. If the store is full, blocked, broken or does not
 * respond, the stream only loses its cursor: the methods do not throw or reject, and loading takes two seconds at most.
 * Cursors are written at most every 250 ms, and when the page is hidden or unloaded.
 *
 * @throws TypeError if `key` is empty.
 * @example client.stream('/api/generate', { json: { prompt }, persist: persist({ key: `answer-${id}` }) })
 */
export function persist({ key, storage, clock = systemClock }: PersistOptions): StoredCursor {
  if (!key) throw new TypeError('persist: `key` is required')
  const storageKey = `rivulet:${key}`
  // Looked up on each use: servers have no `sessionStorage`, and the getter throws if the page may not use storage.
  const getStorage = (): PersistStorage => storage ?? sessionStorage
  const writer = createCursorWriter(
    (cursor) =>
      cursor ? getStorage().setItem(storageKey, JSON.stringify(cursor)) : getStorage().removeItem(storageKey),
    clock,
  )

  /** Returns the cursor in what was stored. @throws StreamError `expired` if it belongs to another request */
  const take = (stored: StoredFields | undefined, ownRequest: string | undefined): Cursor | undefined => {
    if (!stored) return undefined
    const { request, ...cursor } = stored
    if (ownRequest === undefined || request === undefined || request === hash(ownRequest)) return cursor
    throw new StreamError('expired', `The stored run belongs to another request; each answer needs its own key: ${key}`)
  }

  return {
    key,
    load(request) {
      // Another stream on this page may have a pending write for the same key.
      flushAll()
      const { unconfirmed } = writer
      if (unconfirmed) return take(unconfirmed.cursor, request)
      let stored: unknown
      try {
        stored = getStorage().getItem(storageKey)
      } catch {
        return undefined // storage is blocked: treated as empty
      }
      if (!stored || typeof stored !== 'object') return take(parseCursor(stored), request)
      const loading = new Promise<StoredFields | undefined>((resolve) => {
        const cancelDeadline = clock.after(LOAD_TIMEOUT_MS, () => resolve(undefined))
        const finishLoading = (text?: unknown): void => {
          cancelDeadline()
          resolve(parseCursor(text))
        }
        // `stored` may be any thenable, even from another library or another frame.
        Promise.resolve(stored).then(finishLoading, () => finishLoading())
      })
      return loading.then((fields) => take(fields, request))
    },
    save: (cursor, request) => writer.put(request === undefined ? cursor : { ...cursor, request: hash(request) }),
    clear: () => writer.put(undefined),
  }
}
