/** Redirects, refused connections and cuts over real sockets: headers sent to each origin, and socket cleanup. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ConnectRequest } from '../../src/connect/connect.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

interface Host {
  server: Server
  origin: string
  requests: IncomingMessage[]
  handle: (request: IncomingMessage, response: ServerResponse) => void
}

const stream = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write('data: a\n\n')
}

const listen = async (): Promise<Host> => {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    host.handle(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host: Host = {
    server,
    requests,
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    handle: (_, response) => stream(response),
  }
  return host
}

let home: Host
let foreign: Host
beforeEach(async () => {
  home = await listen()
  foreign = await listen()
})
afterEach(async () => {
  for (const { server } of [home, foreign]) {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
})

const request = (url: string, overrides: Partial<ConnectRequest> = {}): ConnectRequest => ({
  url,
  method: 'GET',
  headers: [],
  credentialHeaders: [],
  maxEventSize: 1_000,
  signal: new AbortController().signal,
  ...overrides,
})
const redirect = (status: number, location: string): void => {
  home.handle = ({ url }, response) => {
    if (url === '/there') return stream(response)
    response.writeHead(status, { location })
    response.end()
  }
}
/** Returns all headers received by a host, as JSON. */
const receivedHeaders = (host: Host): string => JSON.stringify(host.requests.map(({ headers }) => headers))

describe('[F13] redirects without credentials are followed', () => {
  test.each([301, 302, 303, 307, 308])('a %d redirect to a relative location is followed', async (status) => {
    redirect(status, '/there')
    const connection = await fetchConnect()(request(`${home.origin}/here`))
    expect(connection).toMatchObject({ status: 200, url: `${home.origin}/there` })
    expect((await connection.read())?.blocks).toHaveLength(1)
    connection.cancel()
  })

  test('a redirect loop is a network error', async () => {
    redirect(302, '/here')
    await expect(fetchConnect()(request(`${home.origin}/here`))).rejects.toMatchObject({ code: 'network' })
  })
})

describe('[F14] credentials never reach another origin', () => {
  const cases: [name: string, headers: ConnectRequest['headers'], credentials: string[]][] = [
    ['Authorization', [['authorization', 'Bearer SECRET']], ['authorization']],
    ['X-API-Key', [['x-api-key', 'SECRET']], ['x-api-key']],
    [
      'Authorization and X-API-Key',
      [
        ['authorization', 'Bearer SECRET'],
        ['x-api-key', 'SECRET'],
      ],
      ['authorization', 'x-api-key'],
    ],
    [
      'a credential from `headers` and another from `auth`',
      [
        ['authorization', 'Bearer SECRET'],
        ['x-api-key', 'SECRET'],
      ],
      ['x-api-key'],
    ],
  ]

  test.each(cases)('%s: a redirect sends no credential to another origin', async (_name, headers, credentials) => {
    for (const status of [301, 302, 303, 307, 308]) {
      redirect(status, `${foreign.origin}/there`)
      const connection = await fetchConnect()(
        request(`${home.origin}/here`, { headers, credentialHeaders: credentials }),
      ).catch(() => undefined)
      connection?.cancel()
      expect(receivedHeaders(home)).toContain('SECRET')
      expect(receivedHeaders(foreign)).not.toContain('SECRET')
    }
  })

  test.each(cases)(
    '%s: a redirected POST sends no credential to another origin',
    async (_name, headers, credentials) => {
      redirect(307, `${foreign.origin}/there`)
      const options = { method: 'POST', body: '{}', headers, credentialHeaders: credentials }
      const connection = await fetchConnect()(request(`${home.origin}/here`, options)).catch(() => undefined)
      connection?.cancel()
      expect(receivedHeaders(foreign)).not.toContain('SECRET')
    },
  )
})

describe('[F13] redirects with a credential header that platforms do not strip', () => {
  const withKey = (overrides: Partial<ConnectRequest> = {}): Partial<ConnectRequest> => ({
    headers: [
      ['x-api-key', 'SECRET'],
      ['x-trace', 'kept'],
    ],
    credentialHeaders: ['x-api-key'],
    ...overrides,
  })
  const bodyOf = async (incoming: IncomingMessage): Promise<string> =>
    Buffer.concat(await incoming.toArray()).toString()

  test.each([301, 302, 303, 307, 308])('a %d redirect within the origin keeps the API key', async (status) => {
    redirect(status, '/there')
    const connection = await fetchConnect()(request(`${home.origin}/here`, withKey({ lastEventId: '7' })))
    expect(connection).toMatchObject({ status: 200, url: `${home.origin}/there` })
    expect((await connection.read())?.blocks).toHaveLength(1)
    connection.cancel()
    expect(home.requests[1]!.headers).toMatchObject({ 'x-api-key': 'SECRET', 'x-trace': 'kept', 'last-event-id': '7' })
  })

  test.each([301, 302, 303, 307, 308])('a %d redirect of a HEAD request is followed with HEAD', async (status) => {
    home.handle = ({ url }, response) => {
      if (url === '/there') response.writeHead(200, { 'content-type': 'text/event-stream' }).end()
      else response.writeHead(status, { location: '/there' }).end()
    }
    const connection = await fetchConnect()(request(`${home.origin}/here`, withKey({ method: 'HEAD' })))
    connection.cancel()
    expect(home.requests.map(({ method }) => method)).toEqual(['HEAD', 'HEAD'])
  })

  test('[F14] an API key dropped on a redirect to another origin is not sent again after a redirect back', async () => {
    redirect(302, `${foreign.origin}/over`)
    foreign.handle = (_, response) => void response.writeHead(302, { location: `${home.origin}/there` }).end()
    const connection = await fetchConnect()(request(`${home.origin}/here`, withKey()))
    expect(connection).toMatchObject({ status: 200, url: `${home.origin}/there` })
    connection.cancel()
    expect(
      [...home.requests, ...foreign.requests].map(({ headers }) => [headers['x-api-key'], headers['x-trace']]),
    ).toEqual([
      ['SECRET', 'kept'],
      [undefined, 'kept'],
      [undefined, 'kept'],
    ])
  })

  test('[F14] another origin does not receive the headers that platforms strip', async () => {
    redirect(302, `${foreign.origin}/there`)
    const headers: ConnectRequest['headers'] = [
      ['x-api-key', 'SECRET'],
      ['cookie', 'session=SECRET'],
      ['proxy-authorization', 'SECRET'],
    ]
    const connection = await fetchConnect()(request(`${home.origin}/here`, withKey({ headers })))
    connection.cancel()
    expect(foreign.requests).toHaveLength(1)
    expect(receivedHeaders(foreign)).not.toContain('SECRET')
  })

  test('[workerd] Authorization alone stays at its origin, even if fetch would send it along', async () => {
    redirect(302, `${foreign.origin}/there`)
    const forwardingFetch: typeof fetch = async (input, init) => {
      const response = await fetch(input, { ...init, redirect: 'manual' })
      const location = response.headers.get('location')
      return init?.redirect === 'manual' || !location ? response : fetch(location, init)
    }
    const headers: ConnectRequest['headers'] = [['authorization', 'Bearer SECRET']]
    const options = { headers, credentialHeaders: ['authorization'] }
    const connection = await fetchConnect(forwardingFetch)(request(`${home.origin}/here`, options))
    expect(connection).toMatchObject({ status: 200, url: `${foreign.origin}/there` })
    connection.cancel()
    expect(receivedHeaders(home)).toContain('SECRET')
    expect(receivedHeaders(foreign)).not.toContain('SECRET')
  })

  test('[jsdom] Authorization alone stays at its origin, although the window has a location', async () => {
    vi.stubGlobal('location', { href: 'https://app.test/' })
    vi.stubGlobal('ReadableStream', undefined)
    const calls: unknown[] = []
    // As node-fetch, which applications add to jsdom: it follows redirects, and compares only host names.
    const fetch = async (url: string, { headers, redirect: mode }: RequestInit & { headers: Headers }) => {
      calls.push([url, mode, headers.get('authorization')])
      const location = 'https://api.test:444/there'
      return { status: url === location ? 200 : 302, headers: new Headers({ location }), url, body: null }
    }
    const options = {
      headers: [['authorization', 'Bearer SECRET']] satisfies ConnectRequest['headers'],
      credentialHeaders: ['authorization'],
    }
    await fetchConnect(fetch as unknown as typeof globalThis.fetch)(request('https://api.test/here', options))
    expect(calls).toEqual([
      ['https://api.test/here', 'manual', 'Bearer SECRET'],
      ['https://api.test:444/there', 'manual', null],
    ])
  })

  test('the unread body of a redirect is destroyed if it is a stream of Node, as in node-fetch', async () => {
    const bodies: Readable[] = []
    const fetch = async (url: string): Promise<unknown> => {
      const body = new Readable({ read() {} })
      bodies.push(body)
      const isRedirect = url === 'https://api.test/here'
      const headers = new Headers(isRedirect ? { location: '/there' } : {})
      return { status: isRedirect ? 302 : 200, headers, url, body }
    }
    const connecting = fetchConnect(fetch as typeof globalThis.fetch)(request('https://api.test/here', withKey()))
    const connection = await connecting
    expect(bodies.map(({ destroyed }) => destroyed)).toEqual([true, false])
    connection.cancel()
    expect(bodies[1]!.destroyed).toBe(true)
  })

  test('with a custom fetch, redirects of relative URLs are followed', async () => {
    const calls: unknown[] = []
    const fetch = async (url: string, { headers }: { headers: Headers }): Promise<Response> => {
      calls.push([url, headers.get('x-api-key')])
      const location = ({ '/here': '/there', '/there': `${foreign.origin}/over` } as Record<string, string>)[url]
      return new Response(null, location === undefined ? {} : { status: 302, headers: { location } })
    }
    const connection = await fetchConnect(fetch as typeof globalThis.fetch)(request('/here', withKey()))
    expect(connection.status).toBe(200)
    expect(calls).toEqual([
      ['/here', 'SECRET'],
      ['/there', 'SECRET'],
      [`${foreign.origin}/over`, null],
    ])
  })

  test.each([
    [301, 'POST', 'GET', ''],
    [302, 'POST', 'GET', ''],
    [303, 'POST', 'GET', ''],
    [307, 'POST', 'POST', '{}'],
    [308, 'POST', 'POST', '{}'],
    [301, 'PUT', 'PUT', '{}'],
    [302, 'PUT', 'PUT', '{}'],
    [303, 'PUT', 'GET', ''],
    [307, 'PUT', 'PUT', '{}'],
    [308, 'PUT', 'PUT', '{}'],
  ])('a %d redirect of a %s request is followed with %s', async (status, method, redirectedMethod, body) => {
    for (const asInit of [false, true]) {
      home.requests.length = 0
      let sent = ''
      home.handle = async (incoming, response) => {
        if (incoming.url !== '/there') return void response.writeHead(status, { location: '/there' }).end()
        sent = await bodyOf(incoming)
        stream(response)
      }
      const headers: ConnectRequest['headers'] = [
        ['x-api-key', 'SECRET'],
        ['content-type', 'application/json'],
      ]
      const bodyOptions = asInit ? { init: { body: new Blob(['{}']) } } : { body: '{}' }
      const connection = await fetchConnect()(
        request(`${home.origin}/here`, withKey({ method, headers, ...bodyOptions })),
      )
      connection.cancel()
      expect(home.requests.map((incoming) => incoming.method)).toEqual([method, redirectedMethod])
      expect(sent).toBe(body)
      expect(home.requests[1]!.headers['content-type'] ?? '').toBe(body && 'application/json')
    }
  })

  test.each(['/here', 'ftp://api.test/', 'data:text/event-stream,data:%20a%0A%0A', 'http://'])(
    'a redirect to %s is a final error with code redirect',
    async (location) => {
      redirect(302, location)
      const connecting = fetchConnect()(request(`${home.origin}/here?key=SECRET`, withKey()))
      const error: unknown = await connecting.catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'redirect', retryable: false })
      const reason = location === '/here' ? 'too many redirects' : 'its target is not an HTTP URL'
      expect(String(error)).toBe(`StreamError: Redirect not followed, ${reason}: GET ${home.origin}/here`)
      expect(home.requests).toHaveLength(location === '/here' ? 21 : 1)
    },
  )

  test('up to 20 redirects are followed', async () => {
    home.handle = ({ url }, response) => {
      const hop = Number(url!.slice(1))
      if (hop === 20) stream(response)
      else response.writeHead(307, { location: `/${hop + 1}` }).end()
    }
    const connection = await fetchConnect()(request(`${home.origin}/0`, withKey()))
    expect(connection).toMatchObject({ status: 200, url: `${home.origin}/20` })
    connection.cancel()
  })

  test('a Location without a redirect status, or a redirect status without a Location, is not a redirect', async () => {
    home.handle = (_, response) => void response.writeHead(201, { location: '/there' }).end()
    expect(await fetchConnect()(request(home.origin, withKey()))).toMatchObject({ status: 201 })
    home.handle = (_, response) => void response.writeHead(302).end()
    expect(await fetchConnect()(request(home.origin, withKey()))).toMatchObject({ status: 302 })
  })

  test('a redirect with an endless body frees its socket [F11]', async () => {
    const closed = new Promise<void>((resolve) => {
      home.handle = ({ url }, response) => {
        if (url === '/there') return stream(response)
        response.writeHead(302, { location: '/there' })
        response.write('moved')
        response.on('close', resolve)
      }
    })
    const connection = await fetchConnect()(request(`${home.origin}/here`, withKey()))
    await closed
    connection.cancel()
  })

  test('an abort between redirects rejects with the reason', async () => {
    const controller = new AbortController()
    home.handle = ({ url }, response) => {
      if (url === '/there') controller.abort(new Error('enough'))
      else response.writeHead(302, { location: '/there' }).end()
    }
    await expect(
      fetchConnect()(request(`${home.origin}/here`, withKey({ signal: controller.signal }))),
    ).rejects.toThrow('enough')
  })

  test('redirect modes manual and error are respected', async () => {
    redirect(302, '/there')
    const connection = await fetchConnect()(request(`${home.origin}/here`, withKey({ init: { redirect: 'manual' } })))
    expect(connection.status).toBe(302)
    await expect(
      fetchConnect()(request(`${home.origin}/here`, withKey({ init: { redirect: 'error' } }))),
    ).rejects.toMatchObject({ code: 'network' })
    expect(home.requests).toHaveLength(2)
  })
})

describe('socket cleanup [F34]', () => {
  test.each([
    ['an open stream', 200],
    ['an endless error body [F11]', 500],
  ])('cancelling %s closes the socket', async (_name, status) => {
    const closed = new Promise<void>((resolve) => {
      home.handle = (_, response) => {
        response.writeHead(status, { 'content-type': 'text/event-stream' })
        response.write('data: a\n\n')
        response.on('close', resolve)
      }
    })
    const connection = await fetchConnect()(request(home.origin))
    connection.cancel()
    await closed
  })

  test('an abort before the response headers closes the socket', async () => {
    const controller = new AbortController()
    const closed = new Promise<void>((resolve) => {
      home.handle = (_, response) => {
        response.on('close', resolve)
        controller.abort(new Error('enough'))
      }
    })
    await expect(fetchConnect()(request(home.origin, { signal: controller.signal }))).rejects.toThrow('enough')
    await closed
  })
})

describe('cuts', () => {
  test('[F1] a reset in the middle of an event is a network error after the complete events are delivered', async () => {
    home.handle = (_, response) => {
      stream(response)
      response.write('id: 2\ndata: b', () => response.socket!.resetAndDestroy())
    }
    const connection = await fetchConnect()(request(home.origin))
    const blocks: unknown[] = []
    const error: unknown = await (async () => {
      for (let batch = await connection.read(); batch; batch = await connection.read()) blocks.push(...batch.blocks)
      return undefined
    })().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'network', retryable: true })
    expect(blocks.every((block) => (block as { id?: string }).id === undefined)).toBe(true)
  })

  test('[F2] a body shorter than its Content-Length is a network error', async () => {
    home.handle = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-length': 100 })
      response.write('data: a\n\n', () => response.socket!.end())
    }
    const connection = await fetchConnect()(request(home.origin))
    expect((await connection.read())?.blocks).toHaveLength(1)
    await expect(connection.read()).rejects.toMatchObject({ code: 'network' })
  })

  test('[F18] a refused connection is a network error', async () => {
    const { origin } = foreign
    foreign.server.close()
    await expect(fetchConnect()(request(`${origin}/a?key=SECRET`))).rejects.toMatchObject({
      code: 'network',
      retryable: true,
    })
    foreign = await listen()
  })

  test('[F22] an ID outside Latin-1 arrives as its UTF-8 bytes', async () => {
    const connection = await fetchConnect()(request(home.origin, { lastEventId: '日本' }))
    connection.cancel()
    expect(Buffer.from(String(home.requests[0]!.headers['last-event-id']), 'latin1').toString('utf8')).toBe('日本')
  })
})
