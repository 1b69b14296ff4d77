/** The roles of a member of a shared stream as a pure table: role × event → next role. */

/**
 * - `joining`: waits for a leader's snapshot, or to become the leader.
 * - `follower`: receives the leader's batches.
 * - `leader`: has the connection and sends its batches to the followers.
 * - `detached`: reads a connection of its own, opened once the tab's inbox is empty.
 * - `rejoining`: like `detached`, but has paused reading and asks the leader for a snapshot.
 * - `closed`: has left the stream.
 */
export type MemberRole = 'joining' | 'follower' | 'leader' | 'detached' | 'rejoining' | 'closed'

/**
 * - `acquired`: this tab has acquired the lock.
 * - `replaced`: another tab leads now.
 * - `located`: the leader has sent the blocks after this member's position.
 * - `unlocatable`: the leader does not have the blocks after this member's position.
 * - `missed`: batches of the leader were lost.
 * - `lagging`: this member cannot keep up with the shared connection.
 * - `unshareable`: the lock cannot be requested.
 * - `caughtUp`: the consumer has read everything that the tab's own connection has delivered.
 * - `unanswered`: the leader has sent no snapshot in time.
 * - `close`: the stream has ended, or its consumer has closed it.
 */
export type RoleEvent =
  | 'acquired'
  | 'replaced'
  | 'located'
  | 'unlocatable'
  | 'missed'
  | 'lagging'
  | 'unshareable'
  | 'caughtUp'
  | 'unanswered'
  | 'close'

type Transitions = { readonly [Event in RoleEvent]?: MemberRole }

const transitions: { readonly [Role in MemberRole]: Transitions } = {
  joining: {
    acquired: 'leader',
    located: 'follower',
    unlocatable: 'detached',
    unshareable: 'detached',
    close: 'closed',
  },
  follower: { acquired: 'leader', replaced: 'joining', missed: 'joining', lagging: 'detached', close: 'closed' },
  leader: { replaced: 'joining', lagging: 'detached', close: 'closed' },
  detached: { acquired: 'leader', caughtUp: 'rejoining', close: 'closed' },
  rejoining: {
    acquired: 'leader',
    located: 'follower',
    unlocatable: 'detached',
    unanswered: 'detached',
    close: 'closed',
  },
  closed: {},
}

/** Returns the role after `event`. An event that the role does not expect is late and changes nothing. */
export function nextRole(role: MemberRole, event: RoleEvent): MemberRole {
  return transitions[role][event] ?? role
}
