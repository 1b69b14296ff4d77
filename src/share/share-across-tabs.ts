/** A `Connect` by which the tabs of one browser share their streams' connections. */
import { type Clock, systemClock } from '../base/clock.ts'
import { callSafely } from '../base/report-error.ts'
import type { Connect, ConnectRequest } from '../connect/connect.ts'
import { fetchConnect } from '../connect/fetch.ts'
import { joinStream } from './member.ts'
import type { ShareChannel } from './message.ts'
import type { MemberRole } from './dependencies.ts'

/** `leading`: it has the connection; `following`: another tab has it; `apart`: it has one of its own until it has caught up. */
export type ShareRole = 'leader' | 'follower' | 'detached'

/** What a tab does for a stream now. */
export interface ShareState {
  /** The stream's URL, without its query. */
  readonly url: string
  /** The stream's `scope`. */
  readonly scope: string | undefined
  /** `gone`: the stream's connection is over. */
  readonly role: ShareRole | 'closed'
}

/** Options of `shareAcrossTabs`. */
export interface ShareOptions {
  /** Tabs with the same name, of one origin, share. */
  name: string
  /** How the connections themselves are made. @defaultValue by `fetch` */
  connect?: Connect
  /** Hears of each change of what this tab does for a stream. */
  onChange?(state: ShareState): void
  /** Hears, once, why nothing is shared here: Web Locks or BroadcastChannel are missing, or are denied. */
  onFallback?(reason: unknown): void
  /** Web Locks. @defaultValue `navigator.locks` */
  locks?: Pick<LockManager, 'request'>
  /** Opens a channel to the other tabs. @defaultValue a `BroadcastChannel` */
  openChannel?(name: string): ShareChannel
  /** Time. @defaultValue the platform's */
  clock?: Clock
}

/** Headers that are no credentials, and don't change an answer for whom it is. */
const SHAREABLE_HEADERS = /^accept(-language)?$/

/** Runs begin where they are; and without a `scope` only what is the same for everybody is shared. */
function isShareable({ method, headers, credentialHeaders, scope, init }: ConnectRequest): boolean {
  if (method !== 'GET' || headers.some(([name]) => name === 'idempotency-key')) return false
  return (
    scope !== undefined ||
    (!credentialHeaders.length &&
      init?.credentials !== 'include' &&
      headers.every(([name]) => SHAREABLE_HEADERS.test(name)))
  )
}

/**
 * Connections that the tabs of a browser share: for each stream one of them has the connection, and passes on what comes.
 * Streams are the same when their URL and their `scope` are; without a `scope` those with credentials are not shared.
 * A run's first request, and whatever is not GET, stays with its tab.
 *
 * @example createClient({ connect: shareAcrossTabs({ name: 'my-app' }), scope: userId })
 */
export function shareAcrossTabs({
  name,
  connect = fetchConnect(),
  onChange,
  onFallback,
  locks,
  openChannel = (channel) => new BroadcastChannel(channel),
  clock = systemClock,
}: ShareOptions): Connect {
  const tab = { eligibleSince: 0 }
  let reportFallback: ((reason: unknown) => void) | undefined = (reason) => {
    reportFallback = undefined
    callSafely(onFallback, reason)
  }

  return (request) => {
    if (!reportFallback || !isShareable(request)) return connect(request)
    const { url, scope } = request
    let reportedRole: MemberRole = 'joining'
    const onRoleChange = (memberRole: MemberRole): void => {
      const role = memberRole === 'rejoining' ? 'detached' : memberRole
      if (role === 'joining' || role === reportedRole) return
      reportedRole = role
      callSafely(onChange, { url: url.split(/[?#]/)[0]!, scope, role })
    }
    tab.eligibleSince ||= Date.now()
    try {
      const lockManager = locks ?? globalThis.navigator?.locks
      if (!lockManager) throw new TypeError('No Web Locks')
      // As JSON, so that no two can be taken for each other.
      const lockName = `rivulet:1:${JSON.stringify([name, scope ?? null, url])}`
      return joinStream(request, lockName, {
        tab,
        connect,
        locks: lockManager,
        openChannel,
        clock,
        onRoleChange,
        onUnavailable: (error) => reportFallback?.(error),
      })
    } catch (error) {
      reportFallback(error)
      return connect(request)
    }
  }
}
