/** Skips what a server replays from the start, as long as it is the same as what was received. */
import { StreamError } from '../base/errors.ts'

export class ReplayFilter {
  /** Number of the events received. */
  count = 0
  /** Hash of the events received. */
  #hash = 0
  /** Number and hash of the events that the current connection has replayed; absent if it replays nothing any more. */
  #replayed: { count: number; hash: number } | undefined

  /** A connection begins: it replays what was received. */
  beginConnection(): void {
    this.#replayed = this.count ? { count: 0, hash: 0 } : undefined
  }

  /** Returns whether an event was received before. @throws StreamError `expired` if the replay differs */
  isReplayed(data: string): boolean {
    const replayed = this.#replayed
    if (!replayed) {
      this.#hash = hashOf(data, this.#hash)
      this.count++
      return false
    }
    replayed.hash = hashOf(data, replayed.hash)
    if (++replayed.count < this.count) return true
    if (replayed.hash !== this.#hash) throw new StreamError('expired', 'The server replayed a different answer')
    this.#replayed = undefined
    return true
  }
}

/** Returns the hash of `text` after text with the hash `seed`. */
function hashOf(text: string, seed: number): number {
  let hash = Math.imul(seed, 31) + text.length
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash, 31) + text.charCodeAt(index)
  return hash | 0
}
