/** A client that is nothing but a socket: it sees what is really on the wire. */
import { connect, type Socket } from 'node:net'

export interface RawRequest {
  method?: string
  headers?: Record<string, string>
  body?: string
}

export interface RawClient {
  readonly socket: Socket
  /** Everything that came, one character per byte. */
  readonly receivedText: string
  /** The head, once it is there. */
  readonly head: string
  /** The body, without its chunk sizes, as text. */
  readonly text: string
  readonly bytes: Buffer
  /** Whether the body came to its regular end. */
  readonly isComplete: boolean
  /** The sizes of the chunks, in their order. */
  readonly chunkSizes: number[]
  /** Settles once `text` contains this; rejects if the connection ends before. */
  waitForText(text: string): Promise<void>
  /** How the connection ended: a FIN, or a reset. */
  readonly ended: Promise<'fin' | 'reset'>
  status(): Promise<number>
  close(): void
}

function dechunk(bytes: Buffer): { body: Buffer; isComplete: boolean; sizes: number[] } {
  const parts: Buffer[] = []
  const sizes: number[] = []
  let offset = 0
  for (;;) {
    const line = bytes.indexOf('\r\n', offset)
    if (line < 0) return { body: Buffer.concat(parts), isComplete: false, sizes }
    const size = Number.parseInt(bytes.toString('latin1', offset, line), 16)
    if (size === 0) return { body: Buffer.concat(parts), isComplete: true, sizes }
    parts.push(bytes.subarray(line + 2, Math.min(line + 2 + size, bytes.length)))
    sizes.push(size)
    if (bytes.length < line + 2 + size + 2) return { body: Buffer.concat(parts), isComplete: false, sizes }
    offset = line + 2 + size + 2
  }
}

/** Sends one request on a connection of its own. */
export function openRawClient(url: string, { method = 'GET', headers = {}, body = '' }: RawRequest = {}): RawClient {
  const { hostname, port, pathname, search } = new URL(url)
  const socket = connect(Number(port), hostname)
  const allHeaders = {
    host: `${hostname}:${port}`,
    ...(body ? { 'content-length': String(Buffer.byteLength(body)) } : {}),
    ...headers,
  }
  const lines = Object.entries(allHeaders).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`${method} ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n${body}`, 'utf8')
  return watchSocket(socket)
}

/** Watches what comes on a socket. */
export function watchSocket(socket: Socket): RawClient {
  let received = Buffer.alloc(0)
  const watchers = new Set<() => void>()
  const notifyWatchers = (): void => {
    for (const watcher of watchers) watcher()
  }
  let outcome: 'fin' | 'reset' | undefined
  const ended = new Promise<'fin' | 'reset'>((resolve) => {
    const settle = (reason: 'fin' | 'reset'): void => {
      outcome ??= reason
      resolve(outcome)
      notifyWatchers()
    }
    socket.on('end', () => settle('fin'))
    socket.on('error', () => settle('reset'))
    socket.on('close', () => settle('fin'))
  })
  socket.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes])
    notifyWatchers()
  })
  const split = (): { head: string; rest: Buffer } => {
    const end = received.indexOf('\r\n\r\n')
    if (end < 0) return { head: '', rest: Buffer.alloc(0) }
    return { head: received.toString('latin1', 0, end), rest: received.subarray(end + 4) }
  }
  const parsed = (): { body: Buffer; isComplete: boolean; sizes: number[] } => {
    const { head, rest } = split()
    if (/^transfer-encoding: chunked/im.test(head)) return dechunk(rest)
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0)
    return { body: rest, isComplete: head !== '' && rest.length >= length, sizes: [] }
  }
  const waitFor = (description: string, condition: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        if (condition()) resolve()
        else if (outcome)
          reject(
            new Error(`The connection ended (${outcome}) before ${description}; came: ${received.toString('latin1')}`),
          )
        else return
        watchers.delete(check)
      }
      watchers.add(check)
      check()
    })
  return {
    socket,
    get receivedText() {
      return received.toString('latin1')
    },
    get head() {
      return split().head
    },
    get text() {
      return parsed().body.toString('utf8')
    },
    get bytes() {
      return parsed().body
    },
    get isComplete() {
      return parsed().isComplete
    },
    get chunkSizes() {
      return parsed().sizes
    },
    waitForText: (text) => waitFor(JSON.stringify(text), () => parsed().body.toString('utf8').includes(text)),
    ended,
    async status() {
      await waitFor('the head', () => split().head !== '')
      return Number(split().head.split(' ')[1])
    },
    close: () => void socket.destroy(),
  }
}
