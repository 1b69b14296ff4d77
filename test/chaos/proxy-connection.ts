/** One connection through the proxy, and what its link does to it. */
import { type Socket, connect } from 'node:net'
import type { Cut, Link } from './connection-faults.ts'
import { host } from './ports.ts'
import { createTear } from './split-response.ts'

export interface PassageOptions {
  readonly client: Socket
  /** The port of the server. */
  readonly target: number
  readonly link: Link
  readonly seed: number
  /** A fault has happened to the client. */
  onFault(kind: string): void
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Settles when the bytes have left, or never will. */
const write = (socket: Socket, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve) => (socket.destroyed ? resolve() : void socket.write(bytes, () => resolve())))

/** Lets one connection pass; settles when it is over. */
export function pass({ client, target, link, seed, onFault }: PassageOptions): void {
  // Whatever breaks on one side has broken on the other, which is told below.
  client.on('error', () => undefined)
  client.setNoDelay(true)
  const cut = (how: Cut): void => {
    // A socket that is ending can't be reset any more: Node then never closes it.
    if (client.writableEnded) client.destroy()
    else if (how === 'reset') client.resetAndDestroy()
    else client.destroySoon()
  }
  if (link.open !== 'forward') {
    if (link.open === 'silence') {
      client.resume()
      onFault('silence')
    } else {
      onFault(link.open === 'reset' ? 'reset at once' : 'end at once')
      cut(link.open === 'reset' ? 'reset' : 'fin')
    }
    return
  }

  const server = connect(target, host)
  server.on('error', ({ code }: NodeJS.ErrnoException) => code === 'ECONNREFUSED' && onFault('server down'))
  client.once('close', () => server.destroy())

  let asked = 0
  const { request } = link
  client.on('data', (bytes) => {
    const room = request ? Math.max(0, request.after - asked) : Infinity
    asked += bytes.length
    if (bytes.length <= room) return void server.write(bytes)
    server.end(bytes.subarray(0, room))
    onFault(`request cut by ${request!.cut}`)
    cut(request!.cut)
  })

  const tear = createTear(link, seed)
  const forward = async (): Promise<void> => {
    if (link.delay || link.tear) onTrouble()
    for await (const chunk of server) {
      if (link.delay) await pause(link.delay)
      for (const { bytes, last } of tear(chunk as Uint8Array)) {
        if (bytes.length > 0) await write(client, bytes)
        if (client.destroyed) return
        if (last) {
          const { how, place } = link.answer!
          if (how === 'stall') {
            // Half open: nothing comes, and nobody says why.
            onFault('stall')
            return new Promise((resolve) => client.once('close', () => resolve()))
          }
          await turn()
          onFault(`${how} ${place === 'anywhere' || place === 'data' ? 'anywhere' : `inside a ${place}`}`)
          return cut(how)
        }
        if (link.tear) await turn()
      }
    }
    client.end()
  }
  const onTrouble = (): void => {
    if (link.delay) onFault('delay')
    if (link.tear) onFault(`torn by ${link.tear}`)
  }
  forward().then(
    () => server.destroy(),
    // The server is down, or was killed.
    () => cut('reset'),
  )
}
