/** The role table, cell by cell: the effect of every event in every role. */
import { describe, expect, test } from 'vitest'
import { type MemberRole, type RoleEvent, nextRole } from '../../src/share/role.ts'

const roles: MemberRole[] = ['joining', 'follower', 'leader', 'detached', 'rejoining', 'closed']
const events: RoleEvent[] = [
  'acquired',
  'replaced',
  'located',
  'unlocatable',
  'missed',
  'lagging',
  'unshareable',
  'caughtUp',
  'unanswered',
  'close',
]

/** Expected changes. An event that is not listed changes nothing. */
const cells: Record<MemberRole, Partial<Record<RoleEvent, MemberRole>>> = {
  joining: {
    acquired: 'leader',
    located: 'follower',
    unlocatable: 'detached',
    unshareable: 'detached',
    close: 'closed',
  },
  follower: {
    acquired: 'leader',
    replaced: 'joining',
    missed: 'joining',
    lagging: 'detached',
    close: 'closed',
  },
  leader: {
    replaced: 'joining',
    lagging: 'detached',
    close: 'closed',
  },
  detached: {
    acquired: 'leader',
    caughtUp: 'rejoining',
    close: 'closed',
  },
  rejoining: {
    acquired: 'leader',
    located: 'follower',
    unlocatable: 'detached',
    unanswered: 'detached',
    close: 'closed',
  },
  closed: {},
}

describe.each(roles)('%s', (role) => {
  test.each(events)(`a ${role} member handles the event %s`, (event) => {
    expect(nextRole(role, event)).toBe(cells[role][event] ?? role)
  })
})

test('closed is final and can be reached from every role', () => {
  for (const role of roles) expect(nextRole(role, 'close')).toBe('closed')
  for (const event of events) expect(nextRole('closed', event)).toBe('closed')
})

test('every open member becomes the leader when it acquires the lock, unless it leads already', () => {
  for (const role of roles) if (role !== 'closed') expect(nextRole(role, 'acquired')).toBe('leader')
})
