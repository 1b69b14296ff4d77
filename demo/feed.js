/** The live feed: its events, its state, and counts of lost and duplicate events. */
import { createAudit } from './audit.js'
import { createEventList } from './event-list.js'
import { BRIEFLY_MS, findParts, onPress, setNotice } from './parts.js'
import { createStateBadge } from './state-badge.js'
import { createTimeline } from './timeline.js'
import { describeError, describeReset } from './wording.js'

/** Sets up the feed in `root`. */
export function startFeed(root, client) {
  const parts = findParts(root)
  const { notice, toggle } = parts
  const badge = createStateBadge(parts.state)
  const timeline = createTimeline(parts.timeline, { span: 30_000, mode: 'rolling' })
  const list = createEventList(parts.events, 40)
  const audit = createAudit()
  let total = 0
  let feed

  const showCursor = (id) => {
    parts.attempt.textContent = feed.state.attempt
    parts.id.textContent = id || 'none'
  }
  const onEvent = (event) => {
    total++
    audit.take(event)
    timeline.tick()
    list.add(event)
    parts.count.textContent = total.toLocaleString()
    parts.lost.textContent = audit.lost
    parts.duplicates.textContent = audit.duplicates
    showCursor(event.id)
  }
  const onStateChange = (state) => {
    badge.show(state)
    timeline.status(state.status)
    showCursor(feed.lastEventId)
    if (state.status === 'waiting') setNotice(notice, describeError(state.error), 'gap')
    if (state.status === 'open' && state.attempt > 1) setNotice(notice, 'Reconnected.', 'calm', BRIEFLY_MS)
  }
  const onReset = (reset) => {
    audit.reset()
    setNotice(notice, describeReset(reset), 'bad')
  }

  const open = (lastEventId) => {
    toggle.textContent = 'Close'
    setNotice(notice, '')
    // With a heartbeat every two seconds, the client detects a silent server after six seconds.
    feed = client.subscribe('/api/stream', {
      searchParams: { fault: 'heartbeat:2000' },
      ...(lastEventId && { lastEventId }),
      onStateChange,
      onReset,
      onError: (error) => setNotice(notice, describeError(error), 'bad'),
    })
    feed.onAny(onEvent)
    void feed.closed.then(() => {
      toggle.textContent = 'Open'
    })
  }
  onPress(toggle, () => {
    if (feed.state.status === 'closed') return open(feed.lastEventId)
    feed.close()
    setNotice(notice, 'Closed. Events sent meanwhile are fetched when you reopen the feed.')
  })
  parts.form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const data = { text: new FormData(parts.form).get('message') }
    try {
      const response = await fetch('/api/broadcast', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ type: 'message', data }),
      })
      if (!response.ok) throw new Error(`the server responded with status ${response.status}`)
      parts.form.reset()
    } catch (error) {
      setNotice(notice, `The message could not be sent: ${error.message}.`, 'bad')
    }
  })
  open()
}
