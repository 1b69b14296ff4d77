/** Identities: who sends a request. */

/** Who sends a request. */
export interface Identity {
  /** Name of the identity, unique among all identities. */
  readonly subject: string
  /** When its streams end, in milliseconds since the Unix epoch. @defaultValue never */
  readonly expiresAt?: number | undefined
}

/** The identity of every request to a server without `authenticate`. */
export const ANONYMOUS: Identity = { subject: 'anonymous' }
