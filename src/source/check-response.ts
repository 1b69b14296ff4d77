/** What an answer is worth: an event stream, or an error that says what it is instead. */
import { type Problem, StreamError, type StreamErrorCode } from '../base/errors.ts'
import type { Clock } from '../base/clock.ts'
import type { Connection } from '../connect/connect.ts'
import { retriedStatuses } from './retry.ts'

export interface Judgement {
  clock: Clock
  /** For messages: method, and URL without query. */
  name: string
  /** Statuses that are tried again. */
  statusCodes?: readonly number[] | undefined
  /** Which content types are event streams; `false`: all. */
  contentType?: false | ((type: string) => boolean) | undefined
  /** Where new credentials can be had after a 401. */
  auth?: unknown
  /** The code for a status that is not 200. @defaultValue `http` */
  refusal?: ((status: number) => StreamErrorCode) | undefined
}

/** Longest problem document that is read (bytes). */
const PROBLEM_SIZE = 16_384
/** How long it may take (milliseconds). */
const PROBLEM_TIME = 1_000

/** @throws StreamError where the answer is not an event stream */
export async function judge(
  connection: Connection,
  { clock, name, statusCodes = retriedStatuses, contentType, auth, refusal }: Judgement,
): Promise<void> {
  const { status, headers } = connection
  const type = headers.get('content-type') ?? ''
  if (status !== 200) {
    let problem: Problem | undefined
    let cancelDeadline: (() => void) | undefined
    try {
      const deadline = new Promise<string>((resolve) => (cancelDeadline = clock.after(PROBLEM_TIME, () => resolve(''))))
      if (/json/.test(type)) problem = JSON.parse(await Promise.race([connection.problem(PROBLEM_SIZE), deadline]))
    } catch {
      // Not a document that can be read: the status says enough.
    }
    cancelDeadline?.()
    const code = status === 401 && auth ? 'auth' : (refusal?.(status) ?? 'http')
    throw refused(connection, name, code, problem, statusCodes.includes(status))
  }
  let fits = contentType === false
  let cause: unknown
  try {
    fits ||= (contentType || isEventStream)(type)
  } catch (error) {
    cause = error
  }
  if (!fits)
    throw new StreamError('content-type', `Not an event stream but "${type}": ${name}`, {
      status,
      ...(cause ? { cause } : {}),
    })
}

/** What an answer is by its status. */
export function refused(
  { status, headers }: Connection,
  name: string,
  code: StreamErrorCode,
  problem?: Problem,
  retryable = false,
): StreamError {
  const shown = new Headers(headers)
  shown.delete('set-cookie') // errors are printed
  return new StreamError(code, `Status ${status}: ${name}`, { status, headers: shown, problem, retryable })
}

/** [spec] Of several types the last one holds, but no wildcard (Fetch, "extract a MIME type"); a comma in quotes parts none. */
export function isEventStream(type: string): boolean {
  return /(^|,)\s*text\/event-stream\s*(;([^",]|"[^"]*("|$))*)?(,\s*\*\/\*)?$/i.test(type)
}
