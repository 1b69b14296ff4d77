/** The multiplex page: twelve streams over one connection, next to twelve over separate connections. */
import { createClient } from 'rivulet'
import { multiplex } from 'rivulet/multiplex'
import { createLane } from './lane.js'

const STREAMS = 12
const symbols = ['ACME', 'GLOBEX', 'INITECH', 'HOOLI']
/** Long enough that streams waiting for a connection do not time out. */
const connectTimeout = 3_600_000

const clients = {
  // With a smaller window, the channel would have to request more data, and that request would wait behind the other side's streams.
  shared: createClient({ connectTimeout, connect: multiplex('/api/channel', { window: 0x1000000 }) }),
  own: createClient({ connectTimeout }),
}

const summaries = {
  shared: (open) =>
    open ? 'All streams share one connection. A second one is used briefly to open and close streams.' : '',
  own: (open, waiting) =>
    waiting
      ? `${open} streams have a connection each. The shared connection also counts toward the limit of six. ${waiting} streams wait, and so would any other request to this server.`
      : '',
}

function createSide(name, section) {
  const part = (role) => section.querySelector(`[data-part="${role}"]`)
  const lanes = Array.from({ length: STREAMS }, (_, index) => createLane(index + 1, symbols[index % symbols.length]))
  const statuses = lanes.map(() => 'idle')
  let feeds = []
  part('lanes').append(...lanes.map(({ element }) => element))

  const summarize = () => {
    const open = statuses.filter((status) => status === 'open').length
    const waiting = statuses.filter((status) => status === 'connecting' || status === 'waiting').length
    part('state').textContent = `${open} of ${STREAMS} open`
    part('state').dataset.status = waiting ? 'waiting' : open ? 'open' : 'idle'
    part('notice').textContent = summaries[name](open, waiting)
    part('toggle').textContent = feeds.length ? 'Close all' : 'Open twelve'
  }
  const open = () => {
    feeds = lanes.map((lane, index) => {
      lane.clear()
      const feed = clients[name].subscribe('/api/stream', {
        searchParams: { types: 'price', lane: index + 1 },
        onStateChange({ status }) {
          statuses[index] = status
          lane.show(status)
          summarize()
        },
      })
      feed.on('price', ({ data }) => lane.add(data))
      return feed
    })
  }
  const close = () => {
    for (const feed of feeds) feed.close()
    feeds = []
    summarize()
  }
  for (const lane of lanes) lane.show('idle')
  part('toggle').addEventListener('click', () => (feeds.length ? close() : open()))
  summarize()
  return { open }
}

const shared = createSide('shared', document.querySelector('[data-side="shared"]'))
createSide('own', document.querySelector('[data-side="own"]'))
shared.open()
