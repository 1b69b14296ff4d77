/** How long an event waits: from the server's `send` until it is readable, the first event of a connection and later ones. */
import { encodings, open } from './client.mjs'

const ROUNDS = 300

const median = (numbers) => numbers.sort((one, other) => one - other)[numbers.length >> 1]

/** Settles when `text` has come; opens at once. */
function waiter(url, encoding) {
  let seen = ''
  let wanted
  let settle
  const look = () => {
    if (wanted === undefined || !seen.includes(wanted)) return
    wanted = undefined
    settle(performance.now())
  }
  const client = open(url, encoding, (piece) => {
    seen = seen.slice(-200) + piece
    look()
  })
  return {
    client,
    until: (text) =>
      new Promise((resolve) => {
        wanted = text
        settle = resolve
        look()
      }),
  }
}

/** Median milliseconds by encoding, interleaved. */
export async function measureDelay({ startMockServer }) {
  const server = await startMockServer({ heartbeat: 0 })
  const url = `${server.url}/api/stream`
  const first = Object.fromEntries(encodings.map((encoding) => [encoding, []]))
  const later = Object.fromEntries(encodings.map((encoding) => [encoding, []]))
  const lasting = {}
  for (const encoding of encodings) {
    lasting[encoding] = waiter(`${url}?types=${encoding}`, encoding)
    await lasting[encoding].until('connected')
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const encoding of encodings) {
      const opened = performance.now()
      const { client, until } = waiter(url, encoding)
      first[encoding].push((await until('connected')) - opened)
      client.leave()
      const sent = performance.now()
      const id = server.broadcast({ type: encoding, data: { content: 'word', index: round } })
      later[encoding].push((await lasting[encoding].until(`id: ${id}\n`)) - sent)
    }
  }
  for (const { client } of Object.values(lasting)) client.leave()
  await server.kill()
  await server.close()
  const medians = (times) => Object.fromEntries(encodings.map((encoding) => [encoding, median(times[encoding])]))
  return { rounds: ROUNDS, first: medians(first), later: medians(later) }
}
