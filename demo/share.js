/** The page of many tabs: one feed, and what this tab does for it. */
import { createClient } from 'rivulet'
import { shareAcrossTabs } from 'rivulet/share'
import { createAudit } from './audit.js'
import { createEventList } from './event-list.js'
import { findParts, onPress, setNotice } from './parts.js'
import { createRoster } from './roster.js'
import { createStateBadge } from './state-badge.js'
import { describeError, describeReset } from './wording.js'

const roles = {
  leader: ['This tab leads.', 'The connection is here. What comes on it is passed on to the other tabs.'],
  follower: [
    'This tab follows.',
    'Another tab has the connection. This one has none, and is given all that comes on it.',
  ],
  detached: ['This tab goes by itself.', 'It has a connection of its own until it has caught up with the others.'],
  closed: ['This tab takes no part.', 'It has let go of the feed, or waits for its next attempt.'],
}
const events = {
  leader: 'took the lead',
  follower: 'follows',
  detached: 'goes by itself',
  closed: 'let go',
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
  document.title = role === 'leader' ? 'Leads · Rivulet' : 'Follows · Rivulet'
  roster.tell(role)
  log(events[role])
}

const client = createClient({
  retry: { delay: 600, maxDelay: 6_000 },
  connect: shareAcrossTabs({
    name: 'rivulet-demo',
    onChange: ({ role }) => showRole(role),
    onFallback: () => setNotice(parts.notice, 'This browser can’t share here: each tab has its own connection.', 'gap'),
  }),
})

const open = (lastEventId) => {
  parts.toggle.textContent = 'Close the feed here'
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
    parts.twice.textContent = audit.twice
  })
}

onPress(parts.toggle, () => {
  if (feed.state.status === 'closed') return open(feed.lastEventId)
  feed.close()
  parts.toggle.textContent = 'Open the feed again'
  setNotice(parts.notice, 'Closed here. What comes meanwhile is fetched when it is opened again.')
})
open()
