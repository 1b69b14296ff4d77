/** From options to requests: URL, headers and credentials, resolved anew for each attempt. */
import { originOf, resolveUrl } from '../base/url.ts'
import { StreamError, isStreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-label.ts'
import type { ConnectRequest } from '../connect/connect.ts'
import type { AuthProvider } from './options.ts'
import type { ResolvedOptions } from './resolve-options.ts'
import type { AttemptContext } from '../source/source.ts'

/** What a stream can vary between its requests. */
export interface RequestOverrides {
  /** Another address than the stream's own; the method is then GET, without a body. */
  url?: string | undefined
  method?: string
  headers?: Record<string, string>
  lastEventId?: string
}

export interface RequestBuilder {
  /** The stream's own address; a path where no base is known. */
  readonly url: string
  readonly method: string
  /** For messages. */
  readonly label: string
  /** The next request. Rejects with `auth` where credentials can't be had. */
  build(context: AttemptContext, overrides?: RequestOverrides): Promise<ConnectRequest>
}

/**
 * `isOwn`: the user's code named the address; others, as of a cursor, are trusted with credentials only by `baseUrl`.
 *
 * @throws TypeError on a URL that is none, or has credentials in it, and on a body that can't be sent, or only once
 */
export function createRequestBuilder(target: string | URL, options: ResolvedOptions, isUserUrl = true): RequestBuilder {
  const { baseUrl, auth, json, searchParams, lastEventId: lastEventIdMode } = options
  const pageUrl = globalThis.document?.baseURI ?? globalThis.location?.href
  const base = resolveUrl(baseUrl ?? '', /^https?:/.test(pageUrl) ? pageUrl : '')
  const resolvedUrl = resolveUrl(target, base)
  const query =
    searchParams === undefined
      ? ''
      : (resolvedUrl.includes('?') ? '&' : '?') + new URLSearchParams(searchParams as string)
  const url = resolvedUrl + query
  if (url.startsWith('/') && !options.fetch && !options.hasCustomConnect) throw new TypeError('A path needs a baseUrl')
  const trustedOrigin = originOf(baseUrl === undefined && isUserUrl ? url : base)
  const body = json === undefined ? options.body : JSON.stringify(json)
  if (body instanceof ReadableStream) throw new TypeError('A ReadableStream can be sent only once')
  const isPlainBody = typeof body === 'string' || body instanceof Uint8Array
  const method = (options.method ?? (body == null ? 'GET' : 'POST')).toUpperCase()
  if (body != null && /^(GET|HEAD)$/.test(method)) throw new TypeError(`${method} can't have a body`)
  const label = formatRequestLabel(method, url)

  return {
    url,
    method,
    label,
    async build(context, { url: overrideUrl, method: overrideMethod, headers: extraHeaders, lastEventId } = {}) {
      let requestUrl = overrideUrl ?? url
      if (typeof lastEventIdMode === 'function' && lastEventId) requestUrl = lastEventIdMode(requestUrl, lastEventId)
      const isOwnUrl = overrideUrl === undefined
      const headers = new Headers({
        accept: 'text/event-stream',
        ...(isOwnUrl && json !== undefined && { 'content-type': 'application/json' }),
      })
      const addHeaders = (source: HeadersInit | undefined): string[] => {
        const names: string[] = []
        try {
          new Headers(source).forEach((value, key) => {
            headers.set(key, value)
            names.push(key)
          })
          return names
        } catch {
          // The platform's own error quotes the value, which may be a secret.
          throw new StreamError('auth', `A header can't be sent: ${label}`)
        }
      }
      const callProvider = async (provider: AuthProvider): Promise<string[]> => {
        let provided: HeadersInit
        context.signal.throwIfAborted()
        try {
          provided = await provider(context)
        } catch (cause) {
          // One of its own for each stream: what a stream knows is written into it.
          throw new StreamError('auth', `No credentials: ${label}`, {
            cause,
            retryable: !isStreamError(cause) || cause.retryable,
          })
        }
        return addHeaders(provided)
      }
      for (const source of options.headerSources)
        await (typeof source === 'function' ? callProvider(source) : addHeaders(source))
      const credentialHeaders = auth && originOf(requestUrl) === trustedOrigin ? await callProvider(auth) : []
      addHeaders(extraHeaders)
      return {
        url: requestUrl,
        method: overrideMethod ?? (isOwnUrl ? method : 'GET'),
        headers: [...headers],
        credentialHeaders,
        body: isOwnUrl && isPlainBody ? (body as ConnectRequest['body']) : undefined,
        lastEventId: typeof lastEventIdMode === 'string' ? lastEventId : undefined,
        scope: options.scope,
        init: { ...options, body: isOwnUrl && !isPlainBody ? body : null } as RequestInit,
        maxEventSize: options.maxEventSize,
        signal: context.signal,
      }
    },
  }
}

/** Whether the server said that it has not begun, so that a request sent again can't work, or cost, twice. */
export function isSafeToRepeat({ code, status }: StreamError): boolean {
  return code === 'auth' || (code === 'http' && [425, 429, 503].includes(status ?? 0))
}
