/** Sets values at JSON paths, with which Gemini sends the arguments of a call piece by piece. */
import { type Fields, textOf } from '../message/fields.ts'

/** Longest path, and largest index of an array, that is followed. */
const MAX_DEPTH = 64
const MAX_INDEX = 10_000

type Container = Record<string, unknown>

/** Returns the keys of a path: `$.a[0]["b c"]` has `a`, `0` and `b c`. */
const keysOf = (path: string): (string | number)[] =>
  Array.from(path.matchAll(/\.([^.[\]]+)|\[(\d+)\]|\[["'](.*?)["']\]/g), ([, name, index, quoted]) =>
    index === undefined ? (name ?? quoted ?? '') : Number(index),
  )

/**
 * Sets the value of a patch, or appends its text to the one that is there.
 * @throws TypeError if the path cannot be followed
 */
export function setAtPath(root: Container, { jsonPath, stringValue, numberValue, boolValue }: Fields): void {
  const keys = keysOf(textOf(jsonPath))
  const isInvalid = keys.some((key) => (typeof key === 'number' ? key > MAX_INDEX : key === '__proto__'))
  if (!keys.length || keys.length > MAX_DEPTH || isInvalid) throw new TypeError('jsonPath: expected a path')
  let container = root
  for (const [depth, key] of keys.slice(0, -1).entries()) {
    const next = Object.hasOwn(container, key) ? container[key] : undefined
    const isContainer = typeof next === 'object' && next
    container = (isContainer ? next : (container[key] = typeof keys[depth + 1] === 'number' ? [] : {})) as Container
  }
  const last = keys.at(-1)!
  const known = Object.hasOwn(container, last) ? container[last] : undefined
  container[last] = stringValue === undefined ? (numberValue ?? boolValue ?? null) : textOf(known) + textOf(stringValue)
}
