/** The idempotency keys of the memory log. */

/** Keys of runs, and keys that were cancelled before their run was claimed. */
export class MemoryKeys {
  #streams = new Map<string, string>()
  /** When each cancelled key is forgotten. */
  #cancelled = new Map<string, number>()
  /** How many cancelled keys are remembered. */
  #maxCancelled: number

  constructor(maxCancelled: number) {
    this.#maxCancelled = maxCancelled
  }

  /** Returns the stream that a key belongs to. */
  find(key: string): string | undefined {
    return this.#streams.get(key)
  }

  /** Gives a key to a stream. Returns whether the key was cancelled before. */
  take(key: string, stream: string, now: number): boolean {
    const cancelledUntil = this.#cancelled.get(key) ?? -Infinity
    this.#cancelled.delete(key)
    this.#streams.set(key, stream)
    return cancelledUntil > now
  }

  release(key: string, stream: string): void {
    if (this.#streams.get(key) === stream) this.#streams.delete(key)
  }

  cancel(key: string, end: number, now: number): void {
    for (const [cancelled, cancelledUntil] of this.#cancelled) {
      if (cancelledUntil <= now) this.#cancelled.delete(cancelled)
    }
    if (this.#cancelled.size < this.#maxCancelled) this.#cancelled.set(key, end)
  }
}
