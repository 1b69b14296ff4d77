/** Keeps where a stream is in a store, so that a page that was reloaded goes on with it. */
import { type Clock, systemClock } from '../base/clock.ts'
import type { Cursor } from '../base/errors.ts'
import type { Persistence } from '../request/options.ts'
import { flushAll } from './page-hide.ts'
import { parseCursor } from './stored-cursor.ts'
import { createWriter } from './writer.ts'

/** A store of strings, as `sessionStorage` is; it may answer with promises. */
export interface PersistStorage {
  getItem(key: string): string | null | undefined | PromiseLike<string | null | undefined>
  setItem(key: string, value: string): unknown
  removeItem(key: string): unknown
}

/** What `persist` is told. */
export interface PersistOptions {
  /** Names the stream: one answer, one feed. Stored with `rivulet:` before it. */
  readonly key: string
  /** Where the cursor is kept. @defaultValue `sessionStorage`: this tab, as long as it is open */
  readonly storage?: PersistStorage
  /** Time. @defaultValue the platform's */
  readonly clock?: Clock
}

/** A stream's place in a store: what the option `persist` takes. Its methods neither throw nor reject. */
export interface StoredCursor extends Persistence {
  /** Keeps a place; written at once, or 250 ms after the last time. */
  save(cursor: Cursor): void
  /** Forgets it. */
  clear(): void
}

/** How long a store may take to tell what is in it (milliseconds). */
const LOAD_TIMEOUT_MS = 2_000

/**
 * Makes what the option `persist` of `stream` and `subscribe` takes. A store that is full, forbidden, broken or hanging
 * costs the stream its place, and nothing else: what is made here never throws or rejects, reads for two seconds at most,
 * and writes at once, or 250 ms after the last time, or when the page is hidden or left.
 *
 * @example client.stream('/api/generate', { json: { prompt }, persist: persist({ key: `answer-${id}` }) })
 * @throws TypeError without a key
 */
export function persist({ key, storage, clock = systemClock }: PersistOptions): StoredCursor {
  if (!key) throw new TypeError('persist: a key is missing')
  const storageKey = `rivulet:${key}`
  // Looked up when it is needed: there is none on servers, and touching it throws where the page may not store.
  const getStorage = (): PersistStorage => storage ?? sessionStorage
  const writer = createWriter(
    (cursor) =>
      cursor ? getStorage().setItem(storageKey, JSON.stringify(cursor)) : getStorage().removeItem(storageKey),
    clock,
  )

  return {
    load() {
      // Another stream of this page may have had the key a moment ago.
      flushAll()
      const { unconfirmed } = writer
      if (unconfirmed) return unconfirmed.cursor
      try {
        const stored = getStorage().getItem(storageKey)
        if (!stored || typeof stored !== 'object') return parseCursor(stored)
        return new Promise((resolve) => {
          const cancelDeadline = clock.after(LOAD_TIMEOUT_MS, () => resolve(undefined))
          const finishLoading = (text?: unknown): void => {
            cancelDeadline()
            resolve(parseCursor(text))
          }
          // Whatever the store calls a promise: it may be another library's, or another frame's.
          Promise.resolve(stored).then(finishLoading, () => finishLoading())
        })
      } catch {
        return undefined // not allowed to look: as if nothing were there
      }
    },
    save: writer.put,
    clear: () => writer.put(undefined),
  }
}
