/** The `Last-Event-ID` header: which IDs it can carry, and how they are encoded. */

const NAME = 'last-event-id'
/** Control characters and lone surrogates (which UTF-8 cannot encode), and surrounding white space (which is trimmed). */
const UNSENDABLE = /[^\t -~\x80-\ud7ff\ue000-\u{10ffff}]|^[\t ]|[\t ]$/u

/** Sets the header to `value`, and returns whether it then has exactly that value. */
function setValue(headers: Headers, value: string): boolean {
  try {
    headers.set(NAME, value)
    if (headers.get(NAME) === value) return true
  } catch {
    // This platform refuses the value.
  }
  headers.delete(NAME)
  return false
}

/** Sets the `Last-Event-ID` of a request, and returns whether a header can carry `id`; if not, there is no header. */
export function setLastEventId(headers: Headers, id: string): boolean {
  if (UNSENDABLE.test(id)) return false
  // `Headers` of the Fetch standard takes byte strings, which it sends unchanged, so the ID must be encoded. Some
  // (workerd, React Native) take any string and encode it themselves.
  if (setValue(headers, '\u{1f600}')) return setValue(headers, id)
  return setValue(headers, Array.from(new TextEncoder().encode(id), (byte) => String.fromCharCode(byte)).join(''))
}

/** Returns whether a `Last-Event-ID` header can carry `id` unchanged. If not, a request is sent without it. */
export function isSendableId(id: string): boolean {
  return setLastEventId(new Headers(), id)
}
