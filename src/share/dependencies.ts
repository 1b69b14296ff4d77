/** The dependencies of a member of a shared stream: its tab, the platform, and callbacks. */
import type { Clock } from '../base/clock.ts'
import type { Connect } from '../connect/connect.ts'
import type { ShareChannel } from './message.ts'
import type { MemberRole } from './role.ts'

/** Milliseconds since the Unix epoch, with a fraction: tabs that open in the same millisecond need an order, too. */
export const preciseTime = (): number => performance.timeOrigin + performance.now()

/** State shared by all streams of a tab. */
export interface Tab {
  /**
   * Time since which the tab has been able to lead, in milliseconds since the Unix epoch. The tab with the lowest value
   * leads every stream that it has open, so that one tab holds the connections of all streams.
   */
  eligibleSince: number
  /** Called when the value has changed: each member that leads announces it, so that an older tab can take over. */
  readonly onRankChanged: Set<() => void>
}

export interface ShareDependencies {
  tab: Tab
  connect: Connect
  locks: Pick<LockManager, 'request'>
  openChannel(name: string): ShareChannel
  clock: Clock
  onRoleChange(role: MemberRole): void
  /** Called if Web Locks fail, in which case streams cannot be shared. */
  onUnavailable(error: unknown): void
}
