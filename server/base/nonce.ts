/** Random text in IDs. */

/** How many characters of a UUID a nonce takes: 32 bits. */
const NONCE_LENGTH = 8

/** Returns random text of `[0-9a-f]`, which tells two events apart that were given the same position. */
export const createNonce = (): string => crypto.randomUUID().slice(0, NONCE_LENGTH)
