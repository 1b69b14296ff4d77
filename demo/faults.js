/** The buttons that make the mock server misbehave. */
import { findParts, onPress, setNotice } from './parts.js'

/** What each button sends to the mock server, and what it says. Rules wear off by themselves. */
const faults = {
  drop: { command: { action: 'drop' }, says: 'Every connection was reset.' },
  stall: {
    command: {
      action: 'drop',
      scenario: [
        { path: '/api/stream', 'stall-after': 2, once: true },
        { path: '/api/generate/*', 'stall-after': 2, once: true },
      ],
    },
    says: 'The feed and an answer come back, and go silent without closing. Three missing heartbeats later that is noticed.',
  },
  refuse: {
    command: { action: 'drop', scenario: [{ status: 503, 'retry-after': 1, times: 3 }] },
    says: 'The next three requests are refused, with 503 and “Retry-After: 1”.',
  },
  restart: { command: { action: 'restart', downtime: 3_000 }, says: 'The server is gone for three seconds.' },
  forget: {
    command: { action: 'restart', log: 'lose' },
    says: 'The server was restarted and has forgotten everything: the feed is told, answers fail with a typed error.',
  },
}

/** Wires the buttons in `root`. */
export function startFaults(root) {
  const { notice } = findParts(root)
  const send = async ({ command, says }) => {
    setNotice(notice, says)
    try {
      const answer = await fetch('/_mock', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(command),
      })
      if (!answer.ok) throw new Error(`status ${answer.status}`)
    } catch (error) {
      setNotice(notice, `The server could not be told: ${error.message}.`, 'bad')
    }
  }
  for (const button of root.querySelectorAll('[data-fault]')) {
    onPress(button, () => void send(faults[button.dataset.fault]))
  }
}
