/** `SendError`: why an event was not sent. */

/**
 * `overloaded`: the log keeps four times the bytes of `retention`, which are younger than its age, or as much memory as it
 * may; `unavailable`: the storage cannot be reached, and whether the event was stored is not known; `closed`: the feed or
 * the server is closed.
 */
export type SendErrorCode = 'overloaded' | 'unavailable' | 'closed'

/**
 * Rejection of `feed.send`.
 *
 * @example
 * ```ts
 * await prices.send('price', price).catch((error) => {
 *   if (!(error instanceof SendError) || error.code !== 'overloaded') throw error
 * })
 * ```
 */
export class SendError extends Error {
  override readonly name: string = 'SendError'
  readonly code: SendErrorCode

  constructor(code: SendErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
