/** The program that runs in the page: reads streams up to the last event, or records the delay of events. */
import { createClient } from 'rivulet'
import { multiplex } from 'rivulet/multiplex'

/** Creates a client whose streams share a channel with this `window`, or use separate connections if `window` is 0. */
const open = (window) =>
  createClient({
    connectTimeout: 3_600_000,
    ...(window && { connect: multiplex('/api/channel', { window }) }),
  })
const now = () => performance.timeOrigin + performance.now()

/** Reads `count` events of each stream after the given event ID; resolves with the time taken in milliseconds. Rejects if an event is missing, repeated or out of order. */
export async function read({ window, paths, count }) {
  const client = open(window)
  const from = performance.now()
  await Promise.all(
    paths.map(
      ([path, lastEventId]) =>
        new Promise((resolve, reject) => {
          const feed = client.subscribe(path, { lastEventId })
          let next = 0
          feed.on('row', ({ data }) => {
            if (data.index !== next++) reject(new Error(`${path}: received event ${data.index} instead of ${next - 1}`))
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

/** Opens streams; resolves once all of them have received `connected`. */
export async function listen({ window, paths }) {
  client = open(window)
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

/** Returns the delay of each event received so far, from sending to receiving, in milliseconds. */
export const receivedDelays = () => delays

export function close() {
  client.close()
}
