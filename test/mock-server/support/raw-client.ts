/** A client on a bare socket, which sees the bytes on the wire. */
import { connect, type Socket } from 'node:net'

export interface RawRequest {
  method?: string
  headers?: Record<string, string>
  body?: string
}

export interface RawClient {
  readonly socket: Socket
  /** Everything received, with one character per byte. */
  readonly receivedText: string
  /** The status line and headers, or an empty string before they are complete. */
  readonly head: string
  /** The body without chunk sizes, as text. */
  readonly text: string
  readonly bytes: Buffer
  /** Whether the body is complete. */
  readonly isComplete: boolean
  /** The sizes of the chunks, in order. */
  readonly chunkSizes: number[]
  /** Resolves once the body contains this text; rejects if the connection ends first. */
  waitForText(text: string): Promise<void>
  /** Resolves with how the connection ended: by a FIN or a reset. */
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

/** Sends one request over a new connection. */
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

/** Creates a client that reads one response from an open socket. */
export function watchSocket(socket: Socket): RawClient {
  let received = Buffer.alloc(0)
  const watchers = new Set<() => void>()
  const notifyWatchers = (): void => {
    for (const watcher of watchers) watcher()
  }
  let outcome: 'fin' | 'reset' | undefined
  const ended = new Promise<'fin' | 'reset'>((resolve) => {
    const finish = (reason: 'fin' | 'reset'): void => {
      outcome ??= reason
      resolve(outcome)
      notifyWatchers()
    }
    socket.on('end', () => finish('fin'))
    socket.on('error', () => finish('reset'))
    socket.on('close', () => finish('fin'))
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
            new Error(
              `The connection ended (${outcome}) before ${description}; received: ${received.toString('latin1')}`,
            ),
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
      await waitFor('the headers', () => split().head !== '')
      return Number(split().head.split(' ')[1])
    },
    close: () => void socket.destroy(),
  }
}
