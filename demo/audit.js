/** Holds the promise against what arrived: counts what is missing, and what came twice. */

/** Makes an audit of events whose data has a `count` without holes; others are passed over. */
export function createAudit() {
  let expected
  let lost = 0
  let twice = 0
  return {
    get lost() {
      return lost
    },
    get twice() {
      return twice
    },
    take({ data }) {
      const count = data?.count
      if (!Number.isSafeInteger(count)) return
      expected ??= count
      if (count < expected) twice++
      else lost += count - expected
      expected = Math.max(expected, count + 1)
    },
  }
}
