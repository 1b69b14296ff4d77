/** The messages between this member and the others, and the bytes that followers have not acknowledged. */
import { createUuid } from '../base/uuid.ts'
import { FOLLOWER_WINDOW_BYTES, MAX_INBOX_BYTES, MAX_MISSED_CHECKS } from './limits.ts'
import type {
  EndMessage,
  FollowerMessage,
  JoinMessage,
  LeaderMessage,
  MemberPosition,
  Position,
  ShareChannel,
  ShareMessage,
  Snapshot,
  SnapshotMessage,
  UpstreamBatch,
} from './message.ts'
import type { MemberRole } from './role.ts'

export interface Peers {
  /** The newest batch of the leader. */
  readonly position: Position
  /** Whether this member has followers. Used by a leader. */
  readonly hasFollowers: boolean
  /** Whether a follower has room for more bytes. Used by a leader. */
  readonly hasRoom: boolean
  /** Starts a new epoch, with this member as the leader. */
  lead(): void
  /** Announces that this leader is alive; members that wait for a snapshot then ask for it. */
  announce(): void
  /** Sends a batch to all followers. */
  broadcast(batch: UpstreamBatch): void
  /** Answers a `join` message; `undefined`: the requested blocks are not available. */
  answerJoin(join: JoinMessage, snapshot: Snapshot | undefined): void
  /** Informs all members that the stream has ended. */
  sendEnd(end: EndMessage): void
  /** Asks the leader for the blocks that this member has missed; `received` is the number of batches that it has. */
  requestJoin(member: MemberPosition, received: number): void
  /** Follows the leader from batch number `sequence` on. */
  follow(sequence: number): void
  /** Acknowledges bytes that the consumer has read, if this member is a follower. */
  acknowledge(bytes: number): void
  /** Called at intervals: pings a silent leader, and returns whether it has been silent for too long. */
  checkLeader(): boolean
  close(): void
}

export interface PeersHandlers {
  /** Returns the role of this member. */
  getRole(): MemberRole
  /** Returns the `eligibleSince` of this tab. */
  getEligibleSince(): number
  /** Called when another member has become the leader. */
  onReplaced(): void
  /** Called when the leader may have become able to send a snapshot. */
  onLeaderAlive(): void
  /** Called with the answer to `requestJoin()`. */
  onSnapshot(message: SnapshotMessage): void
  /** Called when the leader does not have the requested blocks. */
  onUnlocatable(): void
  /** Called with the next batch of the leader. */
  onBatch(batch: UpstreamBatch): void
  /** Called when the leader has announced the `eligibleSince` of its tab. */
  onLeaderRank(eligibleSince: number): void
  /** Called when batches of the leader were lost. */
  onGap(): void
  /** Called when the leader's connection has ended. */
  onEnd(message: EndMessage): void
  /** Called when a member asks this leader for a snapshot. */
  onJoin(message: JoinMessage): void
  /** Called when a follower has acknowledged bytes. */
  onAcknowledged(): void
}

export function createPeers(channel: ShareChannel, handlers: PeersHandlers): Peers {
  const { getRole } = handlers
  const memberId = createUuid()
  /** Unacknowledged bytes of each follower, counted by the leader. */
  const followers = new Map<string, number>()
  let epoch = 0
  let sequence = 0
  let unacknowledgedBytes = 0 // read by the consumer, but not acknowledged to the leader yet
  let missedChecks = 0 // checks since the last message from the leader

  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel has no target origin: it reaches only this origin
  const post = (message: ShareMessage): void => channel.postMessage(message)
  const announce = (): void =>
    post({ type: 'leader-alive', epoch, sequence, eligibleSince: handlers.getEligibleSince() })

  const handleLeaderMessage = (message: LeaderMessage): void => {
    if (message.epoch < epoch) return
    missedChecks = 0
    if (message.epoch > epoch) {
      epoch = message.epoch
      handlers.onReplaced()
    }
    const role = getRole()
    const { type } = message
    if (type === 'leader-alive') {
      if (role === 'joining') handlers.onLeaderAlive()
      else if (role !== 'follower') return
      else if (message.sequence > sequence) handlers.onGap()
      else handlers.onLeaderRank(message.eligibleSince)
    } else if (type === 'batch') {
      if (role !== 'follower') return
      if (message.sequence === ++sequence) handlers.onBatch(message.batch)
      else handlers.onGap()
    } else if (type === 'end') {
      if (role === 'follower' || role === 'joining') handlers.onEnd(message)
    } else if (message.to === memberId && (role === 'joining' || role === 'rejoining')) {
      if (type === 'snapshot') handlers.onSnapshot(message)
      else handlers.onUnlocatable()
    }
  }
  const handleFollowerMessage = (message: FollowerMessage): void => {
    if (getRole() !== 'leader') return
    if (message.type === 'ping') return announce()
    const { from } = message
    if (message.type === 'join') {
      followers.set(from, FOLLOWER_WINDOW_BYTES) // its window counts as full until the snapshot is sent
      handlers.onJoin(message)
    } else {
      followers.set(from, (followers.get(from) ?? 0) - message.bytes)
      handlers.onAcknowledged()
    }
  }
  channel.addEventListener('message', ({ data }) => {
    const message = Object(data) as ShareMessage
    if (getRole() === 'closed') return
    if ('epoch' in message) handleLeaderMessage(message)
    else handleFollowerMessage(message)
  })

  return {
    get position() {
      return { epoch, sequence }
    },
    get hasFollowers() {
      return followers.size > 0
    },
    get hasRoom() {
      return [...followers.values()].some((bytes) => bytes < FOLLOWER_WINDOW_BYTES)
    },
    lead() {
      // Epochs are timestamps, so that a new leader has a higher epoch than its predecessors even if it knows none of theirs.
      epoch = Math.max(epoch + 1, Date.now() + Math.random())
      sequence = 0
      followers.clear()
      announce()
    },
    announce,
    broadcast(batch) {
      sequence++
      if (followers.size) post({ type: 'batch', epoch, sequence, batch })
      for (const [follower, bytes] of followers) {
        if (bytes < 4 * MAX_INBOX_BYTES) followers.set(follower, bytes + batch.bytes)
        else followers.delete(follower) // this follower has detached, or its tab is gone
      }
    },
    answerJoin({ from: to, received }, snapshot) {
      if (!snapshot) return post({ type: 'position-unknown', epoch, to })
      followers.set(
        to,
        snapshot.batches.reduce((sum, { bytes }) => sum + bytes, 0),
      )
      post({ ...snapshot, type: 'snapshot', epoch, sequence, to, received })
    },
    sendEnd: (end) => post({ ...end, type: 'end', epoch }),
    requestJoin: (member, received) => post({ ...member, type: 'join', from: memberId, received }),
    follow(from) {
      sequence = from
      unacknowledgedBytes = 0
    },
    acknowledge(bytes) {
      // What another connection delivered is not in the leader's count: it would make the leader read ahead.
      if (getRole() === 'follower') unacknowledgedBytes += bytes
      if (unacknowledgedBytes < FOLLOWER_WINDOW_BYTES / 4) return
      post({ type: 'ack', from: memberId, bytes: unacknowledgedBytes })
      unacknowledgedBytes = 0
    },
    checkLeader() {
      missedChecks++
      if (missedChecks >= MAX_MISSED_CHECKS) {
        missedChecks = 0
        return true
      }
      if (missedChecks > 1) post({ type: 'ping' })
      return false
    },
    close: () => channel.close(),
  }
}
