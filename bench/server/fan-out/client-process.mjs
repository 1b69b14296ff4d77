/** The process of the readers of one server: plain sockets, of which some measure the delay of events. */
import { connect } from 'node:net'

/** One in so many readers measures. */
const SAMPLE = 10

let delays = []
let pending = 0
let settle

/** Opens one reader. Resolves when the first bytes of the body have arrived. */
function open(port, isSample) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', reject)
    socket.write('GET / HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n')
    socket.on('data', (bytes) => {
      resolve()
      if (isSample) {
        const now = process.hrtime.bigint()
        for (const [, time] of bytes.toString('latin1').matchAll(/"t":"(\d+)"/g))
          delays.push(Number(now - BigInt(time)))
      }
      if (bytes.includes('"last"') && --pending === 0) settle()
    })
  })
}

const commands = {
  /** Opens `count` readers, some at a time. */
  async open({ port, count }) {
    for (let opened = 0; opened < count; opened += 100) {
      const group = Array.from({ length: Math.min(100, count - opened) }, (_, index) =>
        open(port, index % SAMPLE === 0),
      )
      await Promise.all(group)
    }
  },
  /** Resolves with the delays in nanoseconds once every reader has the last event of a round. */
  async expect({ count }) {
    delays = []
    pending = count
    await new Promise((resolve) => (settle = resolve))
    return delays
  },
}

process.on('message', async ({ id, name, options }) => {
  process.send({ id, result: await commands[name](options) })
})
