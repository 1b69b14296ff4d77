/** Describes how answers of vendors end, in plain words. */
import { describeError } from './wording.js'

/** Describes a `StreamError` in a sentence, with the vendor's own words if it has sent any. */
export function describeVendorError(error) {
  const { code, status, serverCode, cause, message } = error
  if (code === 'retries-exhausted') return `All attempts have failed. ${describeVendorError(cause)}`
  if (code !== 'http') return describeError(error)
  const codes = serverCode && serverCode !== String(status) ? `http ${status}: ${serverCode}` : `http ${status}`
  // Without words of the vendor's, the message is the client's, which names the request.
  const words = error.problem?.detail ?? message
  return `The vendor refused the request: “${words}” (${codes})`
}

/** Returns the body in which the vendor has reported the error; empty if there is none. */
export function detailsOf({ code, cause, problem, body }) {
  if (code === 'retries-exhausted') return detailsOf(cause)
  return problem ? JSON.stringify(problem, undefined, 2) : (body ?? '')
}

/** Describes the end of an answer in a sentence. */
export function describeEnding(finishReason, { cancels }) {
  if (finishReason === 'tool-calls') return 'Complete. The model has called a tool, which this page has run.'
  if (finishReason !== 'cancelled') return `Complete. (${finishReason})`
  return cancels ? 'Stopped, also at the vendor.' : 'Stopped: the connection was closed.'
}
