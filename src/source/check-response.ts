/** Checks that a response is an event stream; throws a `StreamError` otherwise. */
import type { Clock } from '../base/clock.ts'
import { type Problem, StreamError, type StreamErrorCode } from '../base/errors.ts'
import type { Connection } from '../connect/connect.ts'
import { defaultRetryStatusCodes } from './retry.ts'

export interface ResponseCheckOptions {
  clock: Clock
  /** For messages: method, and URL without query. */
  label: string
  /** Statuses that are tried again. */
  statusCodes?: readonly number[] | undefined
  /** Which content types are event streams; `false`: all. */
  contentType?: false | ((type: string) => boolean) | undefined
  /** Where new credentials can be had after a 401. */
  auth?: unknown
  /** The code for a status that is not 200. @defaultValue `http` */
  codeForStatus?: ((status: number) => StreamErrorCode) | undefined
}

/** Longest problem document that is read (bytes). */
const MAX_ERROR_BODY_BYTES = 16_384
/** How long it may take (milliseconds). */
const ERROR_BODY_TIMEOUT_MS = 1_000

/** @throws StreamError if the response is not an event stream */
export async function assertEventStream(
  connection: Connection,
  { clock, label, statusCodes = defaultRetryStatusCodes, contentType, auth, codeForStatus }: ResponseCheckOptions,
): Promise<void> {
  const { status, headers } = connection
  const type = headers.get('content-type') ?? ''
  if (status !== 200) {
    let problem: Problem | undefined
    let cancelDeadline: (() => void) | undefined
    try {
      const deadline = new Promise<string>(
        (resolve) => (cancelDeadline = clock.after(ERROR_BODY_TIMEOUT_MS, () => resolve(''))),
      )
      if (/json/.test(type))
        problem = JSON.parse(await Promise.race([connection.readText(MAX_ERROR_BODY_BYTES), deadline]))
    } catch {
      // Not a document that can be read: the status says enough.
    }
    cancelDeadline?.()
    const code = status === 401 && auth ? 'auth' : (codeForStatus?.(status) ?? 'http')
    throw httpError(connection, label, code, problem, statusCodes.includes(status))
  }
  let isAccepted = contentType === false
  let cause: unknown
  try {
    isAccepted ||= (contentType || isEventStream)(type)
  } catch (error) {
    cause = error
  }
  if (!isAccepted)
    throw new StreamError('content-type', `Expected an event stream, received "${type}" (contentType): ${label}`, {
      status,
      ...(cause ? { cause } : {}),
    })
}

/** Creates the error for a response with an unexpected status. */
export function httpError(
  { status, headers }: Connection,
  label: string,
  code: StreamErrorCode,
  problem?: Problem,
  retryable = false,
): StreamError {
  const safeHeaders = new Headers(headers)
  safeHeaders.delete('set-cookie') // errors are printed
  return new StreamError(code, `Status ${status}: ${label}`, { status, headers: safeHeaders, problem, retryable })
}

/** [spec] Of several types the last one holds, but no wildcard (Fetch, "extract a MIME type"); a comma in quotes parts none. */
export function isEventStream(type: string): boolean {
  return /(^|,)\s*text\/event-stream\s*(;([^",]|"[^"]*("|$))*)?(,\s*\*\/\*)?$/i.test(type)
}
