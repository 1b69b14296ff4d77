/** Which headers are credentials, and which may go to every origin. */

/**
 * Returns whether a header is a credential: what `auth` has set, and what looks like one. `Idempotency-Key` only
 * identifies a request. `name` is in lower case.
 */
export function isCredentialName(name: string, authHeaders: Headers): boolean {
  return name !== 'idempotency-key' && (/auth|token|key|secret|cookie|session/.test(name) || authHeaders.has(name))
}

/**
 * Returns whether a header may go to every origin, even to one that application code has neither chosen nor named in
 * `trustedOrigins`. `name` is in lower case.
 */
export function isPublicName(name: string): boolean {
  return ['accept', 'content-type', 'last-event-id'].includes(name)
}
