/** What a member of a shared stream is given: its tab, the platform, and who hears of what it does. */
import type { Clock } from '../base/clock.ts'
import type { Connect } from '../connect/connect.ts'
import type { ShareChannel } from './message.ts'

/**
 * `joining`: waits for a leader's welcome, or for the lead; `apart`: reads a connection of its own, which it also
 * has to open when what it holds has been taken; `asking`: so too, and would like to follow again.
 */
export type MemberRole = 'joining' | 'follower' | 'leader' | 'detached' | 'rejoining' | 'closed'

/** A tab, as far as it matters to others. */
export interface Tab {
  /** Since when it could lead (milliseconds since the epoch): of the tabs that have a stream the oldest leads it, so that one has all. */
  eligibleSince: number
}

export interface ShareDependencies {
  tab: Tab
  connect: Connect
  locks: Pick<LockManager, 'request'>
  openChannel(name: string): ShareChannel
  clock: Clock
  onRoleChange(role: MemberRole): void
  /** There can be no sharing here after all. */
  onUnavailable(error: unknown): void
}
