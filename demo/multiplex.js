/** The page of one connection: twelve streams that share it, next to twelve that want one each. */
import { createClient } from 'rivulet'
import { multiplex } from 'rivulet/multiplex'
import { createLane } from './lane.js'

const STREAMS = 12
const symbols = ['ACME', 'GLOBEX', 'INITECH', 'HOOLI']
/** Long enough to see that they wait for a connection, and not for an answer. */
const connectTimeout = 3_600_000

const clients = {
  // What is not read yet may be long here: requests for more would have to wait behind the other streams.
  shared: createClient({ connectTimeout, connect: multiplex('/api/channel', { window: 0x1000000 }) }),
  own: createClient({ connectTimeout }),
}

const summaries = {
  shared: (open) =>
    open
      ? 'All that comes to them comes over one connection; one more is needed, now and then, to say what they want.'
      : '',
  own: (open, waiting) =>
    waiting
      ? `${open} got a connection, beside the one of the others. ${waiting} wait, and so would anything else that this page asks this server for.`
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
    part('state').textContent = `${open} of ${STREAMS} run`
    part('state').dataset.status = waiting ? 'waiting' : open ? 'open' : 'idle'
    part('notice').textContent = summaries[name](open, waiting)
    part('toggle').textContent = feeds.length ? 'Close them' : 'Open twelve'
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
