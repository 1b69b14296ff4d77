/** What a client reported, as one string: the same for every client that reports every event once and in order. */

/** Makes the two ways to take an event, as text and with its JSON parsed; both return how many there were. `ids: false`: of a client without ids. */
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
    // Reads what lazily built strings would put off. The last character of data is a brace: the one before it differs.
    take: (type, data, id) => add(type, id, data, 2),
    takeParsed(type, data, id) {
      sum = (sum + data.index) | 0
      return add(type, id, data.content, 1)
    },
    value: () => `${count}:${sum}`,
  }
}
