/** Parses stored cursors. Stored text is untrusted: other scripts may have written it. */
import type { Cursor } from '../base/errors.ts'
import { resolveUrl } from '../base/url.ts'

/** Returns whether `url` is an HTTP(S) URL or a path, without credentials. */
function isHttpUrl(url: unknown): url is string {
  if (typeof url !== 'string' || !url) return false
  try {
    return /^(https?:|\/)/.test(resolveUrl(url))
  } catch {
    return false
  }
}

/** A cursor as it is stored. */
export interface StoredFields extends Cursor {
  /** Hash of the request of a run, to tell whether the cursor belongs to another one. */
  readonly request?: string | undefined
}

/** Returns the cursor in `stored`, or `undefined` if it is not a valid cursor. Unknown fields are dropped. */
export function parseCursor(stored: unknown): StoredFields | undefined {
  if (typeof stored !== 'string') return undefined
  let fields: { [Field in keyof StoredFields]?: unknown }
  try {
    fields = Object(JSON.parse(stored)) as typeof fields
  } catch {
    return undefined // not JSON: not written by this library
  }
  const { v, url, protocol, lastEventId, streamId, heartbeat, request } = fields
  // A stream cannot set an id with these characters, and sending such an id as a header would make every attempt fail.
  const hasId = typeof lastEventId === 'string' && !/[\0\r\n]/.test(lastEventId)
  if (!isHttpUrl(url) || !(hasId || lastEventId === undefined)) return undefined
  return {
    ...(v === 2 && { v }),
    url,
    ...(typeof protocol === 'string' && { protocol }),
    ...(hasId && { lastEventId }),
    ...(typeof streamId === 'string' && { streamId }),
    ...(typeof heartbeat === 'number' && heartbeat > 0 && { heartbeat }),
    ...(typeof request === 'string' && { request }),
  }
}
