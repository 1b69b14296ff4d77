/** From options to requests: URL, headers and credentials, resolved anew for each attempt. */
import { originOf, resolveAddress } from '../base/url.ts'
import { StreamError, isStreamError } from '../base/errors.ts'
import { nameRequest } from '../base/request-label.ts'
import type { ConnectRequest } from '../connect/connect.ts'
import type { Auth } from './options.ts'
import type { Settings } from './resolve-options.ts'
import type { AttemptContext } from '../source/source.ts'

/** What a stream can vary between its requests. */
export interface Target {
  /** Another address than the stream's own; the method is then GET, without a body. */
  url?: string | undefined
  method?: string
  headers?: Record<string, string>
  lastEventId?: string
}

export interface Requester {
  /** The stream's own address; a path where no base is known. */
  readonly url: string
  readonly method: string
  /** For messages. */
  readonly name: string
  /** The next request. Rejects with `auth` where credentials can't be had. */
  build(context: AttemptContext, target?: Target): Promise<ConnectRequest>
}

/**
 * `isOwn`: the user's code named the address; others, as of a cursor, are trusted with credentials only by `baseUrl`.
 *
 * @throws TypeError on a URL that is none, or has credentials in it, and on a body that can't be sent, or only once
 */
export function createRequester(target: string | URL, settings: Settings, isOwn = true): Requester {
  const { baseUrl, auth, json, searchParams, lastEventId: mode } = settings
  const page = globalThis.document?.baseURI ?? globalThis.location?.href
  const base = resolveAddress(baseUrl ?? '', /^https?:/.test(page) ? page : '')
  const address = resolveAddress(target, base)
  const query =
    searchParams === undefined ? '' : (address.includes('?') ? '&' : '?') + new URLSearchParams(searchParams as string)
  const url = address + query
  if (url.startsWith('/') && !settings.fetch && !settings.ownConnect) throw new TypeError('A path needs a baseUrl')
  const home = originOf(baseUrl === undefined && isOwn ? url : base)
  const body = json === undefined ? settings.body : JSON.stringify(json)
  if (body instanceof ReadableStream) throw new TypeError('A ReadableStream can be sent only once')
  const plain = typeof body === 'string' || body instanceof Uint8Array
  const method = (settings.method ?? (body == null ? 'GET' : 'POST')).toUpperCase()
  if (body != null && /^(GET|HEAD)$/.test(method)) throw new TypeError(`${method} can't have a body`)
  const name = nameRequest(method, url)

  return {
    url,
    method,
    name,
    async build(context, { url: other, method: verb, headers: more, lastEventId } = {}) {
      let to = other ?? url
      if (typeof mode === 'function' && lastEventId) to = mode(to, lastEventId)
      const own = other === undefined
      const headers = new Headers({
        accept: 'text/event-stream',
        ...(own && json !== undefined && { 'content-type': 'application/json' }),
      })
      const add = (source: HeadersInit | undefined): string[] => {
        const names: string[] = []
        try {
          new Headers(source).forEach((value, key) => {
            headers.set(key, value)
            names.push(key)
          })
          return names
        } catch {
          // The platform's own error quotes the value, which may be a secret.
          throw new StreamError('auth', `A header can't be sent: ${name}`)
        }
      }
      const ask = async (provider: Auth): Promise<string[]> => {
        let given: HeadersInit
        context.signal.throwIfAborted()
        try {
          given = await provider(context)
        } catch (cause) {
          // One of its own for each stream: what a stream knows is written into it.
          throw new StreamError('auth', `No credentials: ${name}`, {
            cause,
            retryable: !isStreamError(cause) || cause.retryable,
          })
        }
        return add(given)
      }
      for (const source of settings.headerSources) await (typeof source === 'function' ? ask(source) : add(source))
      const credentials = auth && originOf(to) === home ? await ask(auth) : []
      add(more)
      return {
        url: to,
        method: verb ?? (own ? method : 'GET'),
        headers: [...headers],
        credentials,
        body: own && plain ? (body as ConnectRequest['body']) : undefined,
        lastEventId: typeof mode === 'string' ? lastEventId : undefined,
        scope: settings.scope,
        init: { ...settings, body: own && !plain ? body : null } as RequestInit,
        maxEventSize: settings.maxEventSize,
        signal: context.signal,
      }
    },
  }
}

/** Whether the server said that it has not begun, so that a request sent again can't work, or cost, twice. */
export function isRefusal({ code, status }: StreamError): boolean {
  return code === 'auth' || (code === 'http' && [425, 429, 503].includes(status ?? 0))
}
