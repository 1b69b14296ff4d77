/** From options to requests: URL, headers and credentials, resolved anew for each attempt. */
import { StreamError, isStreamError } from './base/errors.ts'
import type { ConnectRequest } from './connect/connect.ts'
import type { ClientOptions, StreamOptions } from './options.ts'
import type { AttemptContext } from './source/source.ts'

/** What a stream can vary between its requests. */
export interface Target {
  url?: string
  method?: string
  headers?: Record<string, string>
  lastEventId?: string
}

export interface Requester {
  /** Where the stream's own request goes; relative where no base is known. */
  readonly url: string
  readonly method: string
  /** For messages: method, and URL without query. */
  readonly name: string
  /** Whether credentials can be had anew. */
  readonly refreshable: boolean
  /** The next request: the stream's own, or a bodiless one to `target.url`. Rejects with `auth` where a provider fails. */
  build(context: AttemptContext, target?: Target): Promise<ConnectRequest>
}

/** Options as a stream has them: the client's, overruled by its own. */
export interface Settings extends Omit<ClientOptions, 'lastEventId' | keyof StreamOptions>, StreamOptions {
  /** How the last event ID is sent. */
  sendLastEventId: ClientOptions['lastEventId']
  /** The client's headers, then the stream's. */
  headerSources: ClientOptions['headers'][]
}

/** @throws TypeError on a URL that is none, or has credentials in it, and on a body that can be read only once */
export function createRequester(target: string | URL, settings: Settings): Requester {
  const { baseUrl, auth, json, searchParams, maxEventSize = 0x1000000, scope, sendLastEventId } = settings
  const page = globalThis.document?.baseURI ?? globalThis.location?.href
  const base = baseUrl === undefined ? page : resolve(baseUrl, page)
  const url = addQuery(resolve(target, base), searchParams)
  const home = originOf((baseUrl && base) || url)
  const body = json === undefined ? settings.body : JSON.stringify(json)
  if (body instanceof ReadableStream) throw new TypeError('A body must be readable again: not a ReadableStream')
  const replayable = typeof body === 'string' || body instanceof Uint8Array
  const method = (settings.method ?? (body == null ? 'GET' : 'POST')).toUpperCase()
  const name = `${method} ${url.split('?')[0]}`

  return {
    url,
    method,
    name,
    refreshable: !!auth,
    async build(context, next = {}) {
      const own = next.url === undefined
      const headers = new Headers({ accept: 'text/event-stream' })
      const credentials: string[] = []
      const add = (more: HeadersInit | undefined, names?: string[]): void => {
        try {
          new Headers(more).forEach((value, key) => {
            headers.set(key, value)
            names?.push(key)
          })
        } catch {
          // The platform's own error quotes the value, which may be a secret.
          throw new StreamError('auth', `A header has characters that can't be sent: ${name}`)
        }
      }
      let { url: address = url, lastEventId } = next
      if (own && json !== undefined) add({ 'content-type': 'application/json' })
      try {
        for (const source of settings.headerSources) add(typeof source === 'function' ? await source(context) : source)
        if (auth && originOf(address) === home) add(await auth(context), credentials)
      } catch (cause) {
        throw isStreamError(cause) ? cause : new StreamError('auth', `No credentials: ${name}`, { cause, retryable: true })
      }
      add(next.headers)
      if (typeof sendLastEventId === 'function' && lastEventId) address = sendLastEventId(address, lastEventId)
      if (sendLastEventId !== 'header') lastEventId = undefined
      return {
        url: address,
        method: next.method ?? (own ? method : 'GET'),
        headers: [...headers],
        credentials,
        body: own && replayable ? (body as ConnectRequest['body']) : undefined,
        lastEventId,
        scope,
        init: { ...settings, body: own && !replayable ? body : null } as RequestInit,
        maxEventSize,
        signal: context.signal,
      }
    },
  }
}

function resolve(target: string | URL, base: string | undefined): string {
  // Without a base a path stays as it is: the `fetch` or `connect` that was given may know what it means.
  if (base === undefined && !/^[a-z][a-z\d+.-]*:/i.test(`${target}`)) return `${target}`.split('#')[0]!
  const url = new URL(target, base)
  if (url.username || url.password) throw new TypeError('Credentials do not belong into a URL')
  url.hash = '' // never sent
  return url.href
}

function addQuery(url: string, params: StreamOptions['searchParams']): string {
  return params === undefined ? url : `${url}${url.includes('?') ? '&' : '?'}${new URLSearchParams(params as string)}`
}

/** Paths without a base share an origin, which has no name. */
function originOf(url: string): string {
  return /^[a-z][a-z\d+.-]*:/i.test(url) ? new URL(url).origin : ''
}

/** Whether the server said that it has not begun, so that sending a request again can't make it work, or cost, twice. */
export function isRefusal({ code, status }: StreamError): boolean {
  return code === 'auth' || (code === 'http' && [425, 429, 503].includes(status ?? 0))
}
