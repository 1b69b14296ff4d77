/** The feed to which both processes publish, with counts of what was lost or repeated. */
import { createAudit } from './audit.js'
import { createEventList } from './event-list.js'
import { BRIEFLY_MS, findParts, setNotice } from './parts.js'
import { createStateBadge } from './state-badge.js'
import { createTimeline } from './timeline.js'
import { describeError, describeReset } from './wording.js'

/** Opens the feed in `root`. `list` shows which process serves it. */
export function startProcessFeed(root, client, list) {
  const parts = findParts(root)
  const badge = createStateBadge(parts.state)
  const timeline = createTimeline(parts.timeline, { span: 30_000, mode: 'rolling' })
  const events = createEventList(parts.events, 40)
  const audit = createAudit()
  let total = 0
  let reconnects = 0

  const feed = client.subscribe('/processes/feed', {
    onResponse: ({ headers }) => list.setServing('feed', Number(headers.get('x-process'))),
    onStateChange(state) {
      badge.show(state)
      timeline.status(state.status)
      if (state.status === 'waiting') setNotice(parts.notice, describeError(state.error), 'gap')
      if (state.status === 'open' && state.attempt > 1) {
        parts.reconnects.textContent = String(++reconnects)
        setNotice(parts.notice, `Reconnected to process ${list.feedNumber}.`, 'calm', BRIEFLY_MS)
      }
    },
    onReset(reset) {
      audit.reset()
      setNotice(parts.notice, describeReset(reset), 'bad')
    },
    onError: (error) => setNotice(parts.notice, describeError(error), 'bad'),
  })
  feed.onAny((event) => {
    audit.take(event)
    timeline.tick()
    events.add(event)
    parts.count.textContent = (++total).toLocaleString()
    parts.lost.textContent = audit.lost
    parts.repeated.textContent = audit.duplicates
  })
}
