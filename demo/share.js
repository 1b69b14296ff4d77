/** The share page: one feed across tabs, and the role of this tab. */
import { createClient } from 'rivulet'
import { shareAcrossTabs } from 'rivulet/share'
import { createAudit } from './audit.js'
import { createEventList } from './event-list.js'
import { findParts, onPress, setNotice } from './parts.js'
import { createRoster } from './roster.js'
import { createStateBadge } from './state-badge.js'
import { describeError, describeReset } from './wording.js'

const roles = {
  leader: ['This tab is the leader.', 'It holds the connection and passes its events on to the other tabs.'],
  follower: ['This tab is a follower.', 'It has no connection of its own and receives all events from the leader.'],
  detached: ['This tab is detached.', 'It has its own connection until it has caught up with the leader.'],
  closed: ['This tab is inactive.', 'Its feed is closed or waiting for the next attempt.'],
}
const logTexts = {
  leader: 'became the leader',
  follower: 'became a follower',
  detached: 'detached',
  closed: 'closed',
}

const parts = findParts(document.getElementById('tabs'))
const badge = createStateBadge(parts.state)
const list = createEventList(parts.events, 40)
const audit = createAudit()
const roster = createRoster(parts.tabs)
let total = 0
let feed

const log = (text) => {
  const row = document.createElement('li')
  const time = document.createElement('span')
  time.className = 'time'
  time.textContent = new Date().toLocaleTimeString([], { hour12: false })
  row.append(time, text)
  parts.log.prepend(row)
  if (parts.log.childElementCount > 30) parts.log.lastElementChild.remove()
}
const showRole = (role) => {
  const [title, explanation] = roles[role]
  parts.role.textContent = title
  parts.role.dataset.role = role
  parts.explanation.textContent = explanation
  document.title = role === 'leader' ? 'Leader · Rivulet' : 'Follower · Rivulet'
  roster.setRole(role)
  log(logTexts[role])
}

const client = createClient({
  retry: { delay: 600, maxDelay: 6_000 },
  connect: shareAcrossTabs({
    name: 'rivulet-demo',
    onChange: ({ role }) => showRole(role),
    onFallback: () =>
      setNotice(parts.notice, 'This browser cannot share a connection here, so each tab has its own.', 'gap'),
  }),
})

const open = (lastEventId) => {
  parts.toggle.textContent = 'Close the feed in this tab'
  feed = client.subscribe('/api/stream', {
    ...(lastEventId && { lastEventId }),
    onStateChange(state) {
      badge.show(state)
      if (state.status === 'waiting') setNotice(parts.notice, describeError(state.error), 'gap')
      if (state.status === 'open') setNotice(parts.notice, '')
    },
    onReset(reset) {
      audit.reset()
      setNotice(parts.notice, describeReset(reset), 'bad')
    },
    onError: (error) => setNotice(parts.notice, describeError(error), 'bad'),
  })
  feed.onAny((event) => {
    audit.take(event)
    list.add(event)
    parts.count.textContent = (++total).toLocaleString()
    parts.lost.textContent = audit.lost
    parts.duplicates.textContent = audit.duplicates
  })
}

onPress(parts.toggle, () => {
  if (feed.state.status === 'closed') return open(feed.lastEventId)
  feed.close()
  parts.toggle.textContent = 'Reopen the feed'
  setNotice(parts.notice, 'Closed in this tab. Events sent meanwhile are fetched when you reopen the feed.')
})
open()
