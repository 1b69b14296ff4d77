/** Says states and errors in plain words. */

const errors = {
  network: 'The connection is broken.',
  'content-type': 'What answered is not an event stream.',
  auth: 'The server does not accept the credentials.',
  idle: 'The server has gone silent: not even heartbeats come.',
  stalled: 'The server sends heartbeats, but no events.',
  truncated: 'The connection ended before the answer did.',
  gap: 'A part of the answer is missing.',
  'too-large': 'An event is larger than allowed.',
  'invalid-data': 'An event carries data that cannot be read.',
  overflow: 'More arrived than could be held.',
  'retries-exhausted': 'It was tried several times, without success.',
  expired: 'The server no longer knows this answer.',
}

const resets = {
  expired: 'The server no longer has what was missed.',
  unknown: 'The server has lost its memory: what was missed cannot be known.',
  'no-id': 'The events have no IDs: what was missed cannot be known.',
}

/** A `StreamError` in a sentence, with its code for those who look it up. */
export function describeError(error) {
  const { code, status, problem, serverCode } = error
  if (code === 'http') return `The server refused: ${problem?.title ?? 'status'} (http ${status}).`
  if (code === 'server') return `${error.message} (server${serverCode ? `: ${serverCode}` : ''})`
  return `${errors[code] ?? error.message} (${code})`
}

/** Why events may be missing, in a sentence. */
export function describeReset({ reason }) {
  return `${resets[reason] ?? 'Events may be missing.'} (reset: ${reason})`
}

/** A state in a word or two; the seconds until the next attempt count down. */
export function describeState({ status, attempt, nextAttemptAt }) {
  if (status === 'waiting') return `retry in ${Math.max(0, (nextAttemptAt - Date.now()) / 1_000).toFixed(1)} s`
  return status === 'connecting' && attempt > 1 ? `attempt ${attempt}` : status
}
