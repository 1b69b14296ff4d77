/** Measures the delay until an event is readable: from the request to the first event, and from the server's `send` to later events. */
import { encodings, open } from './client.mjs'

const ROUNDS = 300

const median = (numbers) => numbers.sort((one, other) => one - other)[numbers.length >> 1]

/** Opens a client at once; `until(text)` resolves with the time at which the text was received. */
function createWaiter(url, encoding) {
  let seen = ''
  let expected
  let settle
  const check = () => {
    if (expected === undefined || !seen.includes(expected)) return
    expected = undefined
    settle(performance.now())
  }
  const client = open(url, encoding, (piece) => {
    seen = seen.slice(-200) + piece
    check()
  })
  return {
    client,
    until: (text) =>
      new Promise((resolve) => {
        expected = text
        settle = resolve
        check()
      }),
  }
}

/** Resolves with the median delays in milliseconds for each encoding, measured in interleaved rounds. */
export async function measureDelay({ startMockServer }) {
  const server = await startMockServer({ heartbeat: 0 })
  const url = `${server.url}/api/stream`
  const first = Object.fromEntries(encodings.map((encoding) => [encoding, []]))
  const later = Object.fromEntries(encodings.map((encoding) => [encoding, []]))
  const openClients = {}
  for (const encoding of encodings) {
    openClients[encoding] = createWaiter(`${url}?types=${encoding}`, encoding)
    await openClients[encoding].until('connected')
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const encoding of encodings) {
      const opened = performance.now()
      const { client, until } = createWaiter(url, encoding)
      first[encoding].push((await until('connected')) - opened)
      client.leave()
      const sent = performance.now()
      const id = server.broadcast({ type: encoding, data: { content: 'word', index: round } })
      later[encoding].push((await openClients[encoding].until(`id: ${id}\n`)) - sent)
    }
  }
  for (const { client } of Object.values(openClients)) client.leave()
  await server.kill()
  await server.close()
  const medians = (times) => Object.fromEntries(encodings.map((encoding) => [encoding, median(times[encoding])]))
  return { rounds: ROUNDS, first: medians(first), later: medians(later) }
}
