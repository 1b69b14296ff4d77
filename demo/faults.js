/** The buttons that inject faults into the mock server. */
import { BRIEFLY_MS, findParts, onPress, setNotice } from './parts.js'

/** The command that each button sends to the mock server, and the notice it shows. Each rule applies only a limited number of times. */
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
    says: 'The streams reconnect and then go silent without closing. The client notices after three missing heartbeats.',
  },
  refuse: {
    command: { action: 'drop', scenario: [{ status: 503, 'retry-after': 1, times: 3 }] },
    says: 'The next three requests are refused with status 503 and “Retry-After: 1”.',
  },
  restart: { command: { action: 'restart', downtime: 3_000 }, says: 'The server is down for three seconds.' },
  forget: {
    command: { action: 'restart', log: 'lose' },
    says: 'The server restarted without its log. The feed is reset, and running answers fail with a typed error.',
  },
}

/** Sets up the buttons in `root`. */
export function startFaults(root) {
  const { notice } = findParts(root)
  const send = async ({ command, says }) => {
    setNotice(notice, says, 'calm', BRIEFLY_MS)
    try {
      const response = await fetch('/_mock', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(command),
      })
      if (!response.ok) throw new Error(`the server responded with status ${response.status}`)
    } catch (error) {
      setNotice(notice, `The command failed: ${error.message}.`, 'bad')
    }
  }
  for (const button of root.querySelectorAll('[data-fault]')) {
    onPress(button, () => void send(faults[button.dataset.fault]))
  }
}
