/** The faults in the menu. Each strikes one question; a retry gets through. */

/** Number of attempts after the first. */
export const RETRY_LIMIT = 2

/** Where the faults strike: within the text of every sample answer. */
const MIDDLE = 40

/** Rules for the mock server, by the value in the menu. */
const scenarios = {
  none: [],
  cut: [{ 'reset-after': MIDDLE, once: true }],
  stall: [{ 'stall-after': MIDDLE, once: true }],
  429: [{ status: 429, 'retry-after': 1, once: true }],
  529: [{ status: 529, times: 1 + RETRY_LIMIT }],
  error: [{ 'error-after': MIDDLE, once: true }],
}
const explanations = {
  none: 'Nothing is wrong.',
  cut: 'The connection breaks within the answer. Where the vendor can continue an answer, the client does; elsewhere the answer is an error, never half an answer that looks complete.',
  stall: 'The connection stays open, but nothing arrives any more. After two seconds the client gives it up.',
  429: 'The vendor refuses the first request and asks for a second of patience. The client waits and repeats it.',
  529: 'The vendor is overloaded. It refuses the request and both repetitions.',
  error: 'The vendor reports an error within the answer, as one of its events.',
}

/** Returns the rules of a fault. */
export const scenarioOf = (fault) => scenarios[fault]

/** Describes a fault in a sentence or two. */
export const explainFault = (fault) => explanations[fault]
