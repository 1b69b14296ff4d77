/** The outbox of a channel: what its streams send with the next write. */

/** Gathers pieces, which it joins with a single copy. */
export class Outbox {
  #pieces: Uint8Array[] = []
  #size = 0

  /** Bytes of all pieces. */
  get size(): number {
    return this.#size
  }

  add(bytes: Uint8Array): void {
    this.#pieces.push(bytes)
    this.#size += bytes.length
  }

  /** Removes and joins all pieces. */
  takeAll(): Uint8Array {
    const joined = new Uint8Array(this.#size)
    let offset = 0
    for (const piece of this.#pieces) {
      joined.set(piece, offset)
      offset += piece.length
    }
    this.#pieces = []
    this.#size = 0
    return joined
  }
}
