/** Checks responses: whether one is an event stream, and what it is instead. */
import type { Clock } from '../base/clock.ts'
import { type Problem, StreamError, type StreamErrorCode, type StreamErrorDetails } from '../base/errors.ts'
import { mergeDefined } from '../base/merge-defined.ts'
import { callSafely } from '../base/report-error.ts'
import { formatRequestLabel } from '../base/request-error.ts'
import type { ConnectRequest, Connection } from '../connect/connect.ts'
import type { Protocol } from '../protocols/protocol.ts'
import { type RetryOptions, defaultRetryStatusCodes } from './retry.ts'

export interface ResponseCheckOptions {
  clock: Clock
  /** Has the statuses that are retried. */
  retry?: RetryOptions
  /** Returns whether a content type is accepted; `false` accepts all. */
  contentType?: false | ((type: string) => boolean) | undefined
  /** Says what a refused response means. */
  protocol?: Pick<Protocol<unknown>, 'refusal'> | undefined
  /** Called with each response, whatever its status. */
  onResponse?: ((response: Pick<Connection, 'status' | 'url' | 'headers'>) => void) | undefined
}

/** What is to be known of a request whose response is checked. */
export type CheckedRequest = Pick<ConnectRequest, 'method' | 'url' | 'canRefresh' | 'withheldFrom'>

/** What is known of a refused response beyond its status. */
type RefusalDetails = Pick<StreamErrorDetails, 'body' | 'problem' | 'retryable'>

/** Most bytes that are read of the body of a refused response. */
const MAX_ERROR_BODY_BYTES = 16_384
/** Milliseconds within which the body must arrive. */
const ERROR_BODY_TIMEOUT_MS = 1_000
/** Maximum length of the server's words in a message, in characters (UTF-16 code units). */
const MAX_QUOTE_CHARS = 200

/**
 * Calls `onResponse`, and resolves with `true` if the response is an event stream, or with `false` if it has a
 * `finalStatus`: nothing is to be read, and that is no error. Rejects as `assertEventStream` does.
 */
export async function checkResponse(
  connection: Connection,
  request: CheckedRequest,
  options: ResponseCheckOptions,
  finalStatus: RegExp,
  resumesRun?: boolean,
): Promise<boolean> {
  const { status, url, headers } = connection
  callSafely(options.onResponse, { status, url, headers })
  if (finalStatus.test(`${status}`)) return false
  await assertEventStream(connection, request, options, resumesRun)
  return true
}

/**
 * `resumesRun`: the request resumes a run, so that a 404 or 410 means that the run is gone (code `expired`).
 * @throws StreamError if the response is not an event stream
 */
export async function assertEventStream(
  connection: Connection,
  request: CheckedRequest,
  { clock, retry, contentType, protocol }: ResponseCheckOptions,
  resumesRun?: boolean,
): Promise<void> {
  const { status, headers } = connection
  const label = formatRequestLabel(request)
  if (status !== 200) {
    const { canRefresh, withheldFrom } = request
    let code: StreamErrorCode = 'http'
    // Where credentials are withheld, new ones would be withheld as well.
    if (status === 401 && canRefresh && !withheldFrom) code = 'auth'
    if (resumesRun && (status === 404 || status === 410)) code = 'expired'
    const retryable = (retry?.statusCodes ?? defaultRetryStatusCodes).includes(status)
    const details = { ...(await readRefusal(connection, clock)), retryable }
    const { code: serverCode, ...refusal } = protocol?.refusal?.(status, headers, details.problem ?? details.body) ?? {}
    throw Object.assign(
      httpError(connection, label, code, details, withheldFrom),
      mergeDefined<StreamErrorDetails>({ serverCode, ...refusal }),
    )
  }
  const type = headers.get('content-type') ?? ''
  let isAccepted: unknown = contentType === false || undefined
  let cause: unknown
  try {
    if (contentType) isAccepted = contentType(type)
    // A promise, which an async function returns, would count as `true`.
    if (typeof isAccepted !== 'boolean') isAccepted = isEventStream(type)
  } catch (error) {
    cause = error
  }
  if (!isAccepted)
    throw new StreamError('content-type', `Expected an event stream, received "${type}" (contentType): ${label}`, {
      status,
      ...(await readRefusal(connection, clock)),
      ...(cause ? { cause } : {}),
    })
}

/** Resolves with the text of a response that is not an event stream, and with what it says as JSON. Never rejects. */
async function readRefusal(connection: Connection, clock: Clock): Promise<RefusalDetails> {
  const body = await new Promise<string>((resolve) => {
    const resolveEmpty = (): void => resolve('')
    const cancelDeadline = clock.after(ERROR_BODY_TIMEOUT_MS, resolveEmpty)
    connection.readText(MAX_ERROR_BODY_BYTES).then(resolve, resolveEmpty).finally(cancelDeadline)
  })
  let problem: Problem | undefined
  try {
    if (/json/i.test(connection.headers.get('content-type') ?? '')) problem = JSON.parse(body)
  } catch {
    // The body is not the JSON that its content type announces; the text is kept.
  }
  return { ...(body && { body }), ...(typeof problem === 'object' && problem && { problem }) }
}

/** Creates the error for a response with an unexpected status. */
export function httpError(
  { status, headers }: Connection,
  label: string,
  code: StreamErrorCode,
  details: RefusalDetails = {},
  withheldFrom?: string,
): StreamError {
  const safeHeaders = new Headers(headers)
  safeHeaders.delete('set-cookie') // errors are printed
  let remark = quoteServer(details, headers.get('content-type') ?? '')
  if (withheldFrom && (status === 401 || status === 403))
    remark += `${remark && '; '}credentials were withheld from ${withheldFrom}, which trustedOrigins does not name`
  return new StreamError(code, `Status ${status}${remark && ` (${remark})`}: ${label}`, {
    status,
    headers: safeHeaders,
    ...details,
  })
}

/** Returns the server's own words on a refusal in one line: those of a problem document, or of a plain text; or ''. */
function quoteServer({ problem, body }: RefusalDetails, type: string): string {
  for (const words of [problem?.detail, problem?.title, /^text\/plain/i.test(type) && body]) {
    // HTML is for browsers. A query may contain secrets, and control characters may act on a terminal.
    const line = typeof words === 'string' && /^\s*([^\s<].*)/.exec(words)?.[1]
    if (line)
      return line
        .replace(/\?\S*=\S*/g, '')
        .slice(0, MAX_QUOTE_CHARS)
        .replace(/\p{C}/gu, '')
        .trim()
  }
  return ''
}

/**
 * [spec] Of several types, the last one other than a wildcard counts (Fetch standard, "extract a MIME type"). A comma in
 * quotes does not separate types.
 */
export function isEventStream(type: string): boolean {
  return /(^|,)\s*text\/event-stream\s*(;([^",]|"[^"]*("|$))*)?(,\s*\*\/\*)?$/i.test(type)
}
