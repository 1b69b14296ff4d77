/** Knows again what earlier connections have brought, by the last ids of them. */

export interface DuplicateWindow {
  /** A connection begins: what it repeats is known from now on. */
  opened(): void
  /** Whether an earlier connection has brought this id; from now on it counts as had. */
  has(id: string): boolean
  /** Forgets everything: ids begin anew. */
  clear(): void
}

/** Remembers the last `size` ids; `first`: had already. */
export function createDuplicateWindow(size: number, first: string | undefined): DuplicateWindow {
  // While a connection brings only news, an id costs one write; what is compared lives until nothing of it can come again.
  let recent: string[] = first && size ? [first] : []
  let position = recent.length
  let earlier: Set<string> | undefined
  let news = 0

  return {
    opened() {
      earlier = new Set(recent)
      news = 0
    },
    has(id) {
      if (earlier?.has(id)) return true
      recent[position++ % size] = id
      if (++news >= size) earlier = undefined
      return false
    },
    clear() {
      recent = []
      earlier = undefined
    },
  }
}
