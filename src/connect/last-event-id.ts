/** The `Last-Event-ID` header: which IDs it can carry, and how they are encoded. */

const NAME = 'last-event-id'
/** Control characters, surrounding white space (which is trimmed) and lone surrogates (which are not Unicode). */
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const UNSENDABLE = /[\0-\x08\n-\x1f\x7f\ud800-\udfff]|^[\t ]|[\t ]$/u

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
function setLastEventId(headers: Headers, id: string): boolean {
  if (UNSENDABLE.test(id)) return false
  // `Headers` of the Fetch standard takes byte strings, which it sends unchanged, so the ID must be encoded. Some
  // (workerd, React Native) take any string and encode it themselves.
  const isByteString = /^[\0-\x7f]*$/.test(id) || setValue(headers, '\u{1f600}')
  return setValue(headers, isByteString ? id : encodeAsByteString(id))
}

/** Returns a string whose code units are the UTF-8 bytes of `text`. */
function encodeAsByteString(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')
}

/** Returns whether a `Last-Event-ID` header can carry `id` unchanged. If not, a request is sent without it. */
export function isSendableId(id: string): boolean {
  return setLastEventId(new Headers(), id)
}
