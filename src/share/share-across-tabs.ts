/** A `Connect` that shares connections between the tabs of a browser. */
import { type Clock, systemClock } from '../base/clock.ts'
import { callSafely } from '../base/report-error.ts'
import type { Connect, ConnectRequest } from '../connect/connect.ts'
import { fetchConnect } from '../connect/fetch.ts'
import { type Tab, preciseTime } from './dependencies.ts'
import { joinStream } from './member.ts'
import type { ShareChannel } from './message.ts'
import type { MemberRole } from './role.ts'

/** `leader`: this tab has the connection; `follower`: another tab has it; `detached`: this tab has its own connection until it has caught up. */
export type ShareRole = 'leader' | 'follower' | 'detached'

/** A tab's role for one stream. */
export interface ShareState {
  /** The stream's URL, without its query. */
  readonly url: string
  /** The `scope` option of the stream. */
  readonly scope: string | undefined
  /** The role; `closed`: the stream's connection has ended. */
  readonly role: ShareRole | 'closed'
}

/** Options for `shareAcrossTabs`. */
export interface ShareOptions {
  /** Name of the group: tabs of one origin share if they use the same name. */
  name: string
  /** Opens the actual connections. @defaultValue `fetchConnect()` */
  connect?: Connect
  /** Called each time this tab's role for a stream changes. */
  onChange?(state: ShareState): void
  /** Called once if streams cannot be shared because Web Locks or `BroadcastChannel` are missing or denied. */
  onFallback?(reason: unknown): void
  /** Lock manager. @defaultValue `navigator.locks` */
  locks?: Pick<LockManager, 'request'>
  /** Opens a message channel between the tabs. @defaultValue `new BroadcastChannel(name)` */
  openChannel?(name: string): ShareChannel
  /** Clock for timers, to be replaced in tests. @defaultValue the platform's clock */
  clock?: Clock
}

/** Request headers that neither contain credentials nor make the response specific to a user. */
const SHAREABLE_HEADERS = /^accept(-language)?$/

/**
 * Returns whether a request may be shared: never if it starts a run; without a `scope`, only if the response is the
 * same for every user.
 */
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
 * Creates a `Connect` that shares connections between tabs: for each stream, one tab has the connection and sends what it
 * receives to the others. Tabs share a stream if its URL and its `scope` are the same. Without a `scope`, streams with
 * credentials are not shared. The first request of a run, and any request that is not GET, is never shared.
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
  const tab: Tab = { eligibleSince: 0, onRankChanged: new Set() }
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
    tab.eligibleSince ||= preciseTime()
    try {
      const lockManager = locks ?? globalThis.navigator?.locks
      if (!lockManager) throw new TypeError('Web Locks are not available')
      // JSON, so that different streams never have the same name.
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
