/** Recognizes a connection whose server speaks PROTOCOL.md, by its first event. */

/**
 * Returns whether an event is the `connected` event of PROTOCOL.md, 2.2; third-party servers may use that name for
 * events of their own. Never throws.
 */
export function isNativeConnected({
  type,
  data,
}: {
  readonly type: string
  readonly data: string | undefined
}): boolean {
  if (type !== 'connected' || data === undefined) return false
  try {
    return (JSON.parse(data) as { protocol?: unknown } | null)?.protocol === 1
  } catch {
    return false
  }
}
