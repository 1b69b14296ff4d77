/** What runs in the page: reads streams to their last event, or notes how late events are. */
import { createClient } from 'rivulet'
import { multiplex } from 'rivulet/multiplex'

/** `carried`: the window of the streams on a carrier; 0: a connection each. */
const open = (carried) =>
  createClient({
    connectTimeout: 3_600_000,
    ...(carried && { connect: multiplex('/api/channel', { window: carried }) }),
  })
const now = () => performance.timeOrigin + performance.now()

/** Reads `count` events of each stream from its id on; resolves with milliseconds. Throws if any is missing, twice, or out of order. */
export async function read({ carried, paths, count }) {
  const client = open(carried)
  const from = performance.now()
  await Promise.all(
    paths.map(
      ([path, lastEventId]) =>
        new Promise((resolve, reject) => {
          const feed = client.subscribe(path, { lastEventId })
          let next = 0
          feed.on('row', ({ data }) => {
            if (data.index !== next++) reject(new Error(`${path}: ${data.index} instead of ${next - 1}`))
            if (next < count) return
            feed.close()
            resolve()
          })
        }),
    ),
  )
  const wall = performance.now() - from
  client.close()
  return wall
}

let client
let delays = []

/** Opens streams; resolves when all of them have been greeted. */
export async function listen({ carried, paths }) {
  client = open(carried)
  delays = []
  await Promise.all(
    paths.map(
      (path) =>
        new Promise((resolve) => {
          const feed = client.subscribe(path)
          feed.on('connected', resolve)
          feed.on('tick', ({ data }) => delays.push(now() - data.at))
        }),
    ),
  )
}

/** Milliseconds between sending and hearing, of every event so far. */
export const heard = () => delays

export function leave() {
  client.close()
}
