/** Parses JSON text that arrives in pieces, and has the value so far after every piece. */

/** Options for `partialJson`. */
export interface PartialJsonOptions {
  /**
   * How many arrays and objects may contain each other.
   *
   * @defaultValue 1,024
   * @example
   * ```ts
   * const parser = partialJson({ maxDepth: 16 })
   * ```
   */
  maxDepth?: number
}

/** A parser of one JSON text. */
export interface PartialJson {
  /**
   * The value so far; `undefined` before it begins. Numbers, `true`, `false`, `null` and names of properties are there
   * once they are whole, and strings as far as they have arrived. Later pieces add to arrays and objects in place.
   *
   * @example
   * ```ts
   * const parser = partialJson()
   * parser.push('{"city":"Par')
   * console.log(parser.value) // { city: 'Par' }
   * ```
   */
  readonly value: unknown
  /**
   * Parses the next piece of the text, and returns the value so far.
   *
   * @throws SyntaxError if the text is not JSON; RangeError if it is nested deeper than `maxDepth`
   * @example
   * ```ts
   * const parser = partialJson()
   * console.log(parser.push('[1,2')) // [ 1 ]
   * console.log(parser.push('3]')) // [ 1, 23 ]
   * ```
   */
  push(text: string): unknown
  /**
   * Ends the text, and returns the whole value.
   *
   * @throws SyntaxError if the text is not JSON or is incomplete
   * @example
   * ```ts
   * const parser = partialJson()
   * parser.push('42')
   * console.log(parser.end()) // 42
   * ```
   */
  end(): unknown
  /**
   * Creates a parser of another text, with the same options.
   *
   * @example
   * ```ts
   * const other = partialJson({ maxDepth: 16 }).create()
   * ```
   */
  create(): PartialJson
}

/** An array or object that is not closed yet, and the key at which its current or next value belongs. */
interface OpenContainer {
  readonly values: Record<string | number, unknown>
  readonly isArray: boolean
  key: string | number
}

/** What the parser expects next. `first-item` and `first-key` also accept the end of the array or object. */
type State = 'value' | 'first-item' | 'first-key' | 'key' | 'colon' | 'string' | 'scalar' | 'after' | 'failed'

const DEFAULT_MAX_DEPTH = 1_024

/** Characters that are appended to a string before it is made one flat string. */
const FLATTEN_AFTER_CHARS = 0x400

const SPACES = /[ \t\n\r]*/y
/** What a string may contain as it is: JSON forbids control characters. */
const STRING_PART = /[^"\\\u0000-\u001f]*/y // oxlint-disable-line no-control-regex
/** A part of a number or of a literal, in whatever order; it is checked once it is whole. */
const SCALAR_PART = /[-+.\w]*/y
/** Upper six bits of the first half of a surrogate pair. */
const HIGH_SURROGATE = 0xd800

/** Returns the end of what a sticky pattern, which may match nothing, matches at `position`. */
function endOf(pattern: RegExp, text: string, position: number): number {
  pattern.lastIndex = position
  pattern.test(text)
  return pattern.lastIndex
}

/** Sets a property of the object itself, even if it is named `__proto__`. */
function setOwn(values: OpenContainer['values'], key: string | number, value: unknown): void {
  if (key !== '__proto__') values[key] = value
  else Object.defineProperty(values, key, { value, writable: true, enumerable: true, configurable: true })
}

class Parser implements PartialJson {
  readonly #maxDepth: number
  /** The open containers from the outside in. The first one is not part of the text: it holds the whole value. */
  readonly #open: OpenContainer[] = [{ values: {}, isArray: false, key: 'value' }]
  #state: State = 'value'
  /** What has arrived of a string, number or literal. Only appended to: searching it each time would be quadratic. */
  #token = ''
  /** What the current piece appends to a string, so that `#token` grows once for each piece. */
  #addition = ''
  /** Length of `#token` when it was last made one flat string. */
  #flatLength = 0
  /** What has arrived of an escape sequence. */
  #escape = ''
  /** A high surrogate at the end of the string so far, which waits for its other half. */
  #highSurrogate = ''
  #isKey = false
  /** Number of characters in the pieces before the current one. */
  #offset = 0

  constructor(maxDepth: number) {
    this.#maxDepth = maxDepth
  }

  get value(): unknown {
    return this.#open[0]!.values['value']
  }

  push(text: string): unknown {
    for (let position = 0; position < text.length;) position = this.#read(text, position)
    this.#offset += text.length
    if (this.#state === 'string') this.#grow()
    if (this.#state === 'string' && !this.#isKey) this.#store(this.#token)
    return this.value
  }

  end(): unknown {
    if (this.#state === 'scalar') this.#endScalar(0)
    if (this.#state !== 'after' || this.#open.length > 1) this.#fail(SyntaxError, 'Incomplete JSON', 0)
    return this.value
  }

  create(): PartialJson {
    return new Parser(this.#maxDepth)
  }

  /** Reads what is at `position`, and returns the position after it. */
  #read(text: string, position: number): number {
    if (this.#state === 'string') return this.#readString(text, position)
    if (this.#state === 'scalar') return this.#readScalar(text, position)
    const start = endOf(SPACES, text, position)
    if (start < text.length) this.#readToken(text[start]!, start)
    return start + 1
  }

  /** Reads a punctuation mark, or the first character of a string, number or literal. */
  #readToken(character: string, position: number): void {
    const state = this.#state
    const { isArray } = this.#open.at(-1)!
    const isInside = this.#open.length > 1
    const isValue = state === 'value' || state === 'first-item'
    const isFirst = state === 'first-item' || state === 'first-key'
    if (isValue && character === '{') this.#openContainer({}, false, position)
    else if (isValue && character === '[') this.#openContainer([], true, position)
    else if (isInside && (isFirst || state === 'after') && character === (isArray ? ']' : '}')) {
      this.#open.pop()
      this.#state = 'after'
    } else if (isInside && state === 'after' && character === ',') {
      if (isArray) (this.#open.at(-1)!.key as number)++
      this.#state = isArray ? 'value' : 'key'
    } else if (state === 'colon' && character === ':') this.#state = 'value'
    else if (character === '"' && (isValue || state === 'key' || state === 'first-key')) {
      this.#isKey = !isValue
      this.#token = ''
      this.#flatLength = 0
      this.#state = 'string'
    } else if (isValue && /[-\dtfn]/.test(character)) {
      this.#token = character
      this.#state = 'scalar'
    } else this.#fail(SyntaxError, 'Invalid JSON', position)
  }

  #readString(text: string, position: number): number {
    if (this.#escape) return this.#readEscape(text[position]!, position)
    const end = endOf(STRING_PART, text, position)
    this.#append(text.slice(position, end))
    const next = text[end]
    if (next === '\\') this.#escape = next
    else if (next === '"') this.#endString()
    else if (next !== undefined) this.#fail(SyntaxError, 'Invalid JSON', end)
    return end + 1
  }

  #readEscape(character: string, position: number): number {
    this.#escape += character
    // Four hexadecimal digits follow `\u`.
    if (this.#escape.length === (this.#escape[1] === 'u' ? 6 : 2)) {
      this.#append(this.#parse(`"${this.#escape}"`, position) as string)
      this.#escape = ''
    }
    return position + 1
  }

  /** Appends to the string so far, except for the first half of a surrogate pair. */
  #append(part: string): void {
    if (!part) return
    const text = this.#highSurrogate + part
    const isSplit = (text.charCodeAt(text.length - 1) & 0xfc00) === HIGH_SURROGATE
    this.#highSurrogate = isSplit ? text.at(-1)! : ''
    this.#addition += isSplit ? text.slice(0, -1) : text
  }

  #grow(): void {
    this.#token += this.#addition
    this.#addition = ''
    const { length } = this.#token
    if (length - this.#flatLength < FLATTEN_AFTER_CHARS + this.#flatLength / 4) return
    // Engines keep a string that was appended to as a tree, and flatten it in order to search it: otherwise the tree of a
    // long string would keep the garbage collector busy. The result is not needed.
    this.#token.search(/^/)
    this.#flatLength = length
  }

  #endString(): void {
    this.#addition += this.#highSurrogate
    this.#highSurrogate = ''
    this.#grow()
    if (this.#isKey) this.#open.at(-1)!.key = this.#token
    else this.#store(this.#token)
    this.#state = this.#isKey ? 'colon' : 'after'
  }

  #readScalar(text: string, position: number): number {
    const end = endOf(SCALAR_PART, text, position)
    this.#token += text.slice(position, end)
    if (end < text.length) this.#endScalar(end)
    return end
  }

  #endScalar(position: number): void {
    this.#store(this.#parse(this.#token, position))
    this.#state = 'after'
  }

  #openContainer(values: object, isArray: boolean, position: number): void {
    if (this.#open.length > this.#maxDepth)
      this.#fail(RangeError, `JSON deeper than ${this.#maxDepth} levels (maxDepth)`, position)
    this.#store(values)
    this.#open.push({ values: values as OpenContainer['values'], isArray, key: 0 })
    this.#state = isArray ? 'first-item' : 'first-key'
  }

  #store(value: unknown): void {
    const { values, key } = this.#open.at(-1)!
    setOwn(values, key, value)
  }

  /** Parses a number, a literal or an escape sequence. */
  #parse(text: string, position: number): unknown {
    try {
      return JSON.parse(text)
    } catch {
      // No `cause`: it quotes the text.
      return this.#fail(SyntaxError, 'Invalid JSON', position)
    }
  }

  /** Throws, without quoting the text, which may be confidential. */
  #fail(ErrorClass: ErrorConstructor, problem: string, position: number): never {
    this.#state = 'failed'
    throw new ErrorClass(`${problem} at position ${this.#offset + position}`)
  }
}

/**
 * Creates a parser of JSON text that arrives in pieces, such as the arguments of a tool call while a model writes them.
 * Its time is linear in the length of the text. A number or a literal is part of the value once it is whole, and a string
 * never ends in the first half of a surrogate pair, so that the value only grows; at the end it equals what `JSON.parse`
 * returns. After an error, the parser cannot be used any more.
 *
 * @throws TypeError if `maxDepth` is not a number of at least 0
 * @example
 * ```ts
 * import { partialJson } from 'rivulet/partial-json'
 * const parser = partialJson()
 * for (const piece of ['{"city":"Par', 'is","days":', '3}']) console.log(parser.push(piece))
 * console.log(parser.end()) // { city: 'Paris', days: 3 }
 * ```
 */
export function partialJson({ maxDepth = DEFAULT_MAX_DEPTH }: PartialJsonOptions = {}): PartialJson {
  if (!(typeof maxDepth === 'number' && maxDepth >= 0)) throw new TypeError('maxDepth: expected a number, at least 0')
  return new Parser(maxDepth)
}
