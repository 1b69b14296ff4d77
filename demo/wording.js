/** Describes states and errors in plain words. */

const errors = {
  network: 'The connection was lost.',
  'content-type': 'The response is not an event stream.',
  auth: 'The server does not accept the credentials.',
  idle: 'The server has gone silent: not even heartbeats arrive.',
  stalled: 'The server sends heartbeats, but no events.',
  truncated: 'The connection ended before the answer was complete.',
  gap: 'Part of the answer is missing.',
  'too-large': 'An event exceeds the size limit.',
  'invalid-data': 'An event contains invalid data.',
  overflow: 'Events arrived faster than they could be processed.',
  'retries-exhausted': 'All attempts to connect have failed.',
  expired: 'The server no longer has this answer.',
}

/** By the code of the server's `error` event; the message of any other code is the server's own. */
const serverErrors = {
  'producer-lost': 'The process that generated this answer is gone, so the rest is missing.',
}

const resets = {
  expired: 'The server no longer has the missed events.',
  unknown: 'The server lost its log, so events may be missing.',
  'no-id': 'The events have no IDs, so some may be missing.',
}

/** Describes a `StreamError` in a sentence, followed by its code. */
export function describeError(error) {
  const { code, status, problem, serverCode } = error
  if (code === 'http') return `The server refused the request: ${problem?.title ?? 'status'} (http ${status}).`
  if (code === 'server') {
    return `${serverErrors[serverCode] ?? error.message} (server${serverCode ? `: ${serverCode}` : ''})`
  }
  return `${errors[code] ?? error.message} (${code})`
}

/** Describes why events may be missing, in a sentence. */
export function describeReset({ reason }) {
  return `${resets[reason] ?? 'Events may be missing.'} (reset: ${reason})`
}

/** Describes a state in a few words, with the seconds until the next attempt. */
export function describeState({ status, attempt, nextAttemptAt }) {
  if (status === 'waiting') return `retry in ${Math.max(0, (nextAttemptAt - Date.now()) / 1_000).toFixed(1)} s`
  return status === 'connecting' && attempt > 1 ? `attempt ${attempt}` : status
}
