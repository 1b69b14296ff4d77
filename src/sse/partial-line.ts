/** The unfinished line of a stream: collects its text, unless nothing uses the line. */

/** Length of the longest field name with its colon and space: after so many characters, the name is known. */
const LONGEST_NAME = 7
/** A line of up to this many characters is collected without a look at its name, which would cost time for each chunk. */
const MAX_UNNAMED_CHARS = 1000
/** Stands for a line that is not used: the start of a line that is neither a field nor a comment. */
const UNUSED_LINE = '?'

export interface PartialLine {
  isEmpty(): boolean
  /** Adds text that has no line end. */
  add(text: string): void
  /** Adds text up to and including the line end, and returns the line. The next line is empty. */
  complete(text: string): string
  clear(): void
  /** Returns the name of the line and the length of its value so far; `undefined` if it has no value that is used. */
  measure(): { name: string; length: number } | undefined
}

/** Creates an empty line. `usedNames` are the names of the lines that are used; the name of a comment is empty. */
export function createPartialLine(usedNames: readonly string[]): PartialLine {
  /**
   * The parts of the line, so that only new text is searched for a line end. They are joined with `join()`, not `+`:
   * engines represent strings differently depending on how they were made, and a call site that has seen more than four
   * representations becomes megamorphic and stays slow.
   */
  let parts: string[] = []
  let length = 0
  let isNamed = false
  let isUnused = false
  /** Returns the name of a line, even if it has arrived only in part; `undefined` if the line is not used. */
  const findName = (line: string): string | undefined =>
    usedNames.find((name) => line.startsWith(`${name}:`) || name.startsWith(line))
  /** Reads the name of the line, and drops the text of a line that is not used. */
  const readName = (): void => {
    const line = parts.join('')
    isUnused = findName(line) === undefined
    // A comment stays recognizable, because a body may end in the middle of one.
    if (isUnused) parts = [line[0] === ':' ? ':' : UNUSED_LINE]
    else parts = [line]
    isNamed = length >= LONGEST_NAME
  }
  const clear = (): void => {
    parts = []
    length = 0
    isNamed = isUnused = false
  }

  return {
    isEmpty: () => !length,
    add(text) {
      if (isUnused) return
      parts.push(text)
      length += text.length
      if (length > MAX_UNNAMED_CHARS && !isNamed) readName()
    },
    complete(text) {
      parts.push(text)
      const line = parts.join('')
      clear()
      return line
    },
    clear,
    measure() {
      if (!isNamed) readName()
      if (isUnused) return undefined
      const start = parts[0]!
      const name = findName(start)
      // A name without a colon has no value yet.
      if (name === undefined || start.length <= name.length) return undefined
      return { name, length: length - name.length - (start[name.length + 1] === ' ' ? 2 : 1) }
    },
  }
}
