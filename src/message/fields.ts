/** Reads what vendors send: JSON in which any member may be missing, `null`, or of another type. */
import { mergeDefined } from '../base/merge-defined.ts'
import type { Usage } from './message.ts'

/** An object of which nothing is known. */
export interface Fields {
  readonly [name: string]: unknown
}

/** Returns `value` if it is an object, otherwise an empty one. */
export const fieldsOf = (value: unknown): Fields => Object(value) as Fields

/** Returns the objects in `value` if it is a list. */
export const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.map(fieldsOf) : [])

/** Returns `value` if it is text, otherwise an empty one. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Returns the first of `values` that is a number. */
export const numberOf = (...values: readonly unknown[]): number | undefined =>
  values.find((value) => typeof value === 'number')

/** Returns the sum of the numbers in `values`, or `undefined` if there is none. */
export const sumOf = (values: readonly unknown[]): number | undefined =>
  values.reduce<number | undefined>((sum, value) => (typeof value === 'number' ? (sum ?? 0) + value : sum), undefined)

/** Returns `earlier` with the members of `later`; a member that is `null` or missing replaces nothing. */
export const mergeFields = (earlier: unknown, later: unknown): Fields => {
  const known = Object.entries(fieldsOf(later)).map(([name, value]) => [name, value ?? undefined])
  return mergeDefined<Fields>(fieldsOf(earlier), Object.fromEntries(known) as Fields)
}

/** Returns the usage that a vendor has sent as `raw`, unless it has sent none. Counts that are not numbers are left out. */
export function usageOf(raw: Fields | undefined, ...counts: readonly unknown[]): Usage | undefined {
  if (!raw) return undefined
  const [input, output, reasoningTokens, cachedTokens] = counts.map((count) =>
    typeof count === 'number' ? count : undefined,
  )
  return mergeDefined<Usage>({ inputTokens: input ?? 0, outputTokens: output ?? 0, reasoningTokens, cachedTokens, raw })
}
