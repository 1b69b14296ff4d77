/** Holds the promise against what arrived: counts what is missing, and what came twice. */

/** Makes an audit of events whose data has a `count` without holes; others are passed over. */
export function createAudit() {
  let expected
  let lost = 0
  let twice = 0
  let state = 'unknown'
  return {
    /** How many are missing; empty before the first event that counts, `?` after a reset. */
    get lost() {
      if (state === 'unknown') return ''
      return state === 'reset' ? '?' : String(lost)
    },
    /** How many came more than once. */
    get twice() {
      return state === 'unknown' ? '' : String(twice)
    },
    /** The server has said that events may be missing, and its counting may begin anew. */
    reset() {
      state = 'reset'
      expected = undefined
    },
    take({ data }) {
      const count = data?.count
      if (!Number.isSafeInteger(count)) return
      if (state === 'unknown') state = 'counting'
      expected ??= count
      if (count < expected) twice++
      else lost += count - expected
      expected = Math.max(expected, count + 1)
    },
  }
}
