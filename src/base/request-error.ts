/** Errors that name a request in their messages. */
import { StreamError, type StreamErrorCode } from './errors.ts'

/** Returns the method, and the URL without query and fragment, which may contain secrets. */
export function formatRequestLabel({ method, url }: { method: string; url: string }): string {
  return `${method} ${url.split(/[?#]/)[0]}`
}

/** Creates an error that another attempt may repair; `label` names the request. */
export function retryableError(code: StreamErrorCode, message: string, label: string, cause?: unknown): StreamError {
  return new StreamError(code, `${message}: ${label}`, { retryable: true, ...(cause !== undefined && { cause }) })
}
