/** Reads a cursor out of a store, where anybody may have put anything. */
import { resolveUrl } from '../base/url.ts'
import type { Cursor } from '../base/errors.ts'

/** Whether `url` is the address of a web server: absolute or a path, without credentials. */
function isHttpUrl(url: unknown): url is string {
  if (typeof url !== 'string' || !url) return false
  try {
    return /^(https?:|\/)/.test(resolveUrl(url))
  } catch {
    return false // not a URL: the answer itself
  }
}

/** The cursor in `stored`, or `undefined` for whatever else it is. Fields that a cursor does not have are left out. */
export function parseCursor(stored: unknown): Cursor | undefined {
  if (typeof stored !== 'string') return undefined
  let fields: { url?: unknown; lastEventId?: unknown; heartbeat?: unknown }
  try {
    fields = Object(JSON.parse(stored)) as typeof fields
  } catch {
    return undefined // not JSON: somebody else's
  }
  const { url, lastEventId, heartbeat } = fields
  // No stream has such an id, and no header could carry it: each attempt would fail.
  const hasId = typeof lastEventId === 'string' && !/[\0\r\n]/.test(lastEventId)
  if (!isHttpUrl(url) || !(hasId || lastEventId === undefined)) return undefined
  return { url, ...(hasId && { lastEventId }), ...(typeof heartbeat === 'number' && heartbeat > 0 && { heartbeat }) }
}
