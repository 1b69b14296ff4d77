/** Removes credentials from text that is recorded: those of the request, and what looks like a key of a vendor. */

/** Values shorter than this would remove ordinary words. */
const MIN_SECRET_CHARS = 8
const REMOVED = '[removed]'
const SECRET_NAME = /auth|cookie|key|password|secret|session|signature|token/i
/** Keys by their prefixes, also with the asterisks with which vendors quote a wrong key; and bearer tokens. */
const KNOWN_KEYS = /\b(?:sk|pk|rk|gsk|xai|key)[-_][\w*-]{8,}|\bAIza[\w-]{20,}|\b(?:Bearer|Basic) [\w.~+/*-]{8,}=*/g

/** Returns the secrets that a request contains. */
function secretsOf({ headers, url }: Request): string[] {
  const { searchParams, username, password } = new URL(url)
  const named = [...headers, ...searchParams].filter(([name]) => SECRET_NAME.test(name)).map(([, value]) => value)
  const pieces = named.flatMap((value) => [value, ...value.split(/[\s;,=]+/)])
  const secrets = [...pieces, username, password].filter((value) => value.length >= MIN_SECRET_CHARS)
  // The longest first, because one may contain another.
  return [...new Set(secrets)].sort((one, other) => other.length - one.length)
}

/** Creates a function that removes the credentials of a request, and what looks like a key, from a text. */
export function createRedactor(request: Request): (text: string) => string {
  const secrets = secretsOf(request)
  return (text) => {
    const cleaned = secrets.reduce((rest, secret) => rest.replaceAll(secret, REMOVED), text)
    return cleaned.replace(KNOWN_KEYS, REMOVED)
  }
}
