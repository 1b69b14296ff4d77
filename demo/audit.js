/** Checks the delivery guarantee: counts missing and duplicate events. */

/** Creates an audit of events whose data has a consecutive `count`; other events are ignored. */
export function createAudit() {
  let expected
  let lost = 0
  let duplicates = 0
  let state = 'unknown'
  return {
    /** Number of missing events; empty before the first counted event, `?` after a reset. */
    get lost() {
      if (state === 'unknown') return ''
      return state === 'reset' ? '?' : String(lost)
    },
    /** Number of duplicate events; empty before the first counted event. */
    get duplicates() {
      return state === 'unknown' ? '' : String(duplicates)
    },
    /** Called when the server reports a reset: events may be missing, and the count may start over. */
    reset() {
      state = 'reset'
      expected = undefined
    },
    take({ data }) {
      const count = data?.count
      if (!Number.isSafeInteger(count)) return
      if (state === 'unknown') state = 'counting'
      expected ??= count
      if (count < expected) duplicates++
      else lost += count - expected
      expected = Math.max(expected, count + 1)
    },
  }
}
