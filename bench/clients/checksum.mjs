/** A checksum of the events that a client reported: equal for all clients that report every event once and in order. */

/**
 * Creates a checksum. `take` adds an event as text, `takeParsed` an event with parsed JSON, `takeContent` the text of a
 * delta; each returns the number of events so far. `ids: false` is for clients that report no IDs.
 */
export function createChecksum({ ids = true } = {}) {
  let count = 0
  let sum = 0
  const add = (type, id, text, end) => {
    const { length } = text
    sum = (Math.imul(sum, 31) + length + text.charCodeAt(length - end)) | 0
    if (ids) sum = (sum + type.length + id.length + id.charCodeAt(id.length - 1)) | 0
    return ++count
  }
  return {
    // Reading a character forces engines to flatten lazily built strings. The last character is always a brace, so read the one before it.
    take: (type, data, id) => add(type, id, data, 2),
    takeParsed(type, data, id) {
      sum = (sum + data.index) | 0
      return add(type, id, data.content, 1)
    },
    takeContent: (content) => add('', '', content, 1),
    value: () => `${count}:${sum}`,
  }
}
