/** Builds requests from options: resolves URL, headers and credentials for each attempt. */
import { throwIfAborted } from '../base/abort-listeners.ts'
import { StreamError, isStreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-error.ts'
import { isHttpUrl, originOf, resolveUrl } from '../base/url.ts'
import type { ConnectRequest } from '../connect/connect.ts'
import type { AttemptContext } from '../source/source.ts'
import { isCredentialName, isPublicName } from './credentials.ts'
import type { AuthProvider } from './options.ts'
import type { ResolvedOptions } from './resolve-options.ts'

/** Properties of a request that can differ from one attempt to the next. */
export interface RequestOverrides {
  /** Replaces the stream's own URL; the method then defaults to GET, and there is no body. */
  url?: string | undefined
  method?: string
  headers?: Record<string, string>
  lastEventId?: string
}

/** Builds the requests of one stream. */
export interface RequestBuilder {
  /** The stream's own URL; a path if no base URL is known. */
  readonly url: string
  readonly method: string
  /** Method and URL for messages, without secrets. */
  readonly label: string
  /** What makes the request a different one: method, URL and a body that is text. It may contain secrets. */
  readonly identity: string
  /**
   * Resolves with the next request. Rejects with code `auth` if `auth` fails or a header is invalid; with
   * `signal.reason` after an abort; or with what `headers` or `lastEventId` throws: an error of the application, which
   * another attempt would not repair.
   */
  build(context: AttemptContext, overrides?: RequestOverrides): Promise<ConnectRequest>
}

/**
 * Creates the request builder of a stream. Credentials, headers and cookies go to the origin of `baseUrl` (without a
 * `baseUrl`, of the page), to the origin of `target` if application code has passed it (`isUserUrl`), and to
 * `trustedOrigins`. Other origins, which a cursor or a server has named, receive none of them.
 *
 * @throws TypeError if the URL is invalid, contains credentials, or is relative without a base; if a cursor's URL is
 * neither http nor https; or if the body cannot be sent, or cannot be sent again
 */
export function createRequestBuilder(target: string | URL, options: ResolvedOptions, isUserUrl = true): RequestBuilder {
  const { baseUrl, auth, json, searchParams, lastEventId: lastEventIdMode } = options
  const pageUrl = globalThis.document?.baseURI ?? globalThis.location?.href
  const base = resolveUrl(baseUrl ?? '', /^https?:/.test(pageUrl) ? pageUrl : '')
  let url = resolveUrl(target, base)
  if (searchParams !== undefined)
    url += (url.includes('?') ? '&' : '?') + new URLSearchParams(searchParams as string).toString()
  const trustedOrigins = [...options.trustedOrigins, originOf(base), ...(isUserUrl ? [originOf(url)] : [])]
  const body = (JSON.stringify(json) as string | undefined) ?? options.body
  const isPlainBody = typeof body === 'string' || body instanceof Uint8Array
  const method = (options.method ?? (body == null ? 'GET' : 'POST')).toUpperCase()
  const label = formatRequestLabel({ method, url })
  if (!isUserUrl && !isHttpUrl(url)) throw new TypeError('A cursor needs an http or https URL')
  if (url.startsWith('/') && !options.fetch && !options.hasCustomConnect)
    throw new TypeError(`Relative URL needs a baseUrl: ${label}`)
  if ((body as Partial<ReadableStream> | null | undefined)?.getReader)
    throw new TypeError(`A ReadableStream body cannot be sent again: ${label}`)
  if (body != null && /^(GET|HEAD)$/.test(method)) throw new TypeError(`Request cannot have a body: ${label}`)

  return {
    url,
    method,
    label,
    // A form or a blob adds only its type.
    identity: `${method} ${url} ${body as string}`,
    async build(context, { url: overrideUrl, method: overrideMethod, headers: extraHeaders, lastEventId } = {}) {
      const isOwnUrl = overrideUrl === undefined
      let requestUrl = overrideUrl ?? url
      let headerId = lastEventIdMode === false ? undefined : lastEventId
      if (typeof lastEventIdMode === 'function' && lastEventId) {
        const urlWithId: unknown = lastEventIdMode(requestUrl, lastEventId)
        if (typeof urlWithId === 'string' || urlWithId instanceof URL) {
          requestUrl = resolveUrl(urlWithId, requestUrl)
          headerId = undefined
        }
      }
      const origin = originOf(requestUrl)
      const withheldFrom = trustedOrigins.includes(origin) ? undefined : origin
      const provider = withheldFrom ? undefined : auth
      const headers = new Headers({
        accept: 'text/event-stream',
        ...(isOwnUrl && json !== undefined && { 'content-type': 'application/json' }),
      })
      const addHeaders = (source: HeadersInit | undefined): Headers => {
        try {
          const added = new Headers(source)
          added.forEach((value, name) => headers.set(name, value))
          return added
        } catch {
          // No `cause`: the platform's error quotes the header's value, which may be a secret.
          throw new StreamError('auth', `Invalid header from headers or auth: ${label}`)
        }
      }
      for (const source of options.headerSources) {
        throwIfAborted(context.signal)
        addHeaders(typeof source === 'function' ? await source(context) : source)
      }
      throwIfAborted(context.signal)
      const authHeaders = addHeaders(provider && (await callAuth(provider, context, label)))
      addHeaders(extraHeaders)
      const sentHeaders = [...headers].filter(([name]) => !withheldFrom || isPublicName(name))
      return {
        url: requestUrl,
        method: overrideMethod ?? (isOwnUrl ? method : 'GET'),
        headers: sentHeaders,
        credentialHeaders: sentHeaders.map(([name]) => name).filter((name) => isCredentialName(name, authHeaders)),
        withheldFrom,
        canRefresh: !!provider,
        body: isOwnUrl && isPlainBody ? (body as ConnectRequest['body']) : undefined,
        lastEventId: headerId,
        scope: options.scope,
        init: {
          ...options,
          body: isOwnUrl && !isPlainBody ? body : null,
          // The default of `fetch`: cookies go to the page's own origin alone.
          ...(withheldFrom && options.credentials === 'include' && { credentials: 'same-origin' }),
        } as RequestInit,
        maxEventSize: options.maxEventSize,
        wantsComments: !!(options.onComment ?? options.instrument),
        signal: context.signal,
      }
    },
  }
}

/** Calls the `auth` provider; rejects with code `auth` if it fails. */
async function callAuth(auth: AuthProvider, context: AttemptContext, label: string): Promise<HeadersInit> {
  try {
    return await auth(context)
  } catch (cause) {
    // A new error for each stream, even if streams share a refresh: each stream adds its own details.
    throw new StreamError('auth', `The auth function failed: ${label}`, {
      cause,
      retryable: !isStreamError(cause) || cause.retryable,
    })
  }
}

/**
 * Returns whether the server refused the request before acting on it, so that a repeated request neither takes effect
 * twice nor is charged twice.
 */
export function isSafeToRepeat({ code, status }: StreamError): boolean {
  return code === 'auth' || (code === 'http' && [425, 429, 503, 529].includes(status ?? 0))
}
