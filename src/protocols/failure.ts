/** What vendors say when they fail: in the body of a refused response, or within a stream. */
import { fieldsOf, textOf } from '../message/fields.ts'
import type { Refusal, Step } from './protocol.ts'

/** A failure in the vendor's own words; the message is empty if there are none. */
interface Failure {
  message: string
  code: string | undefined
}

/** Reads `{ error: { message, code, type } }`, `{ error: 'text' }`, `{ message, code }`, and text. Codes may be numbers. */
function readFailure(body: unknown): Failure {
  const { error } = fieldsOf(body)
  const words = error ?? body
  const { message, code, status, type } = fieldsOf(words)
  const known = code ?? status ?? type
  return {
    message: textOf(message) || textOf(words),
    code: typeof known === 'string' || typeof known === 'number' ? `${known}` : undefined,
  }
}

/** Reads a refused response: the vendor's words, and the headers `retry-after-ms` and `x-should-retry`. */
export function readRefusal(_status: number, headers: Headers, body: unknown): Refusal {
  const shouldRetry = headers.get('x-should-retry')
  const { message, code } = readFailure(body)
  return {
    // A page in HTML is for browsers.
    message: (!message.startsWith('<') && message) || undefined,
    code,
    retryable: shouldRetry ? shouldRetry === 'true' : undefined,
    retryAfter: Number(headers.get('retry-after-ms')) || undefined,
  }
}

/** Returns the step that fails a run with what a vendor has sent. */
export function failureStep(body: unknown, retryable: boolean): Step<never> & { type: 'error' } {
  const { message, code } = readFailure(body)
  return { type: 'error', message: message || 'The server reported an error', code, retryable, detail: body }
}
