/** The event by which a server says that it speaks PROTOCOL.md on a connection. */

/**
 * Returns whether a block is the `connected` event of PROTOCOL.md: third-party servers may use that name for other
 * events.
 */
export function isNativeConnected({ type, data }: { type: string; data: string | undefined }): boolean {
  if (type !== 'connected' || data === undefined) return false
  try {
    const value: unknown = JSON.parse(data)
    return (value as { protocol?: unknown } | null)?.protocol === 1
  } catch {
    return false
  }
}
