/** Checks the delivery guarantee: counts missing and duplicate events. */

/** Number of sources that are remembered: a source that has ended sends no more. */
const MAX_SOURCES = 20

/**
 * Creates an audit of events whose data has a consecutive `count`; other events are ignored. Events whose data has a
 * `source` are counted per source.
 */
export function createAudit() {
  /** The next count by source. */
  const expected = new Map()
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
      expected.clear()
    },
    take({ data }) {
      const { count, source } = data ?? {}
      if (!Number.isSafeInteger(count)) return
      if (state === 'unknown') state = 'counting'
      const due = expected.get(source) ?? count
      if (count < due) duplicates++
      else lost += count - due
      // Removed first, so that the source that was silent for the longest time is the first one.
      expected.delete(source)
      expected.set(source, Math.max(due, count + 1))
      if (expected.size > MAX_SOURCES) expected.delete(expected.keys().next().value)
    },
  }
}
