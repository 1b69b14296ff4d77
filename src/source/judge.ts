/** What an answer is worth: an event stream, or an error that says what it is instead. */
import { type Problem, StreamError, type StreamErrorCode } from '../base/errors.ts'
import type { Connection } from '../connect/connect.ts'
import { retriedStatuses } from './retry.ts'

export interface Judgement {
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

/** @throws StreamError where the answer is not an event stream */
export async function judge(
  connection: Connection,
  { name, statusCodes = retriedStatuses, contentType, auth, refusal }: Judgement,
): Promise<void> {
  const { status, headers } = connection
  const type = headers.get('content-type') ?? ''
  if (status !== 200) {
    let problem: Problem | undefined
    try {
      if (/json/.test(type)) problem = JSON.parse(await connection.problem(PROBLEM_SIZE))
    } catch {
      // Not a document that can be read: the status says enough.
    }
    const code = status === 401 && auth ? 'auth' : (refusal?.(status) ?? 'http')
    throw new StreamError(code, `Status ${status}: ${name}`, { status, headers, problem, retryable: statusCodes.includes(status) })
  }
  if (contentType !== false && !(contentType ?? isEventStream)(type)) {
    throw new StreamError('content-type', `Not an event stream but "${type}": ${name}`, { status })
  }
}

export function isEventStream(type: string): boolean {
  return /^\s*text\/event-stream\s*(;|$)/i.test(type)
}
