/**
 * The list of tabs that have this page open, with their roles. The SDK has no such list, so the tabs announce
 * themselves to each other over a channel of their own.
 */

/** How often a tab announces itself. */
const ANNOUNCE_INTERVAL_MS = 1_000
/**
 * A tab is removed if it has not announced itself for this long. Browsers may throttle the timers of hidden tabs to one
 * per minute.
 */
const REMOVE_AFTER_MS = 70_000

const roleLabels = { leader: 'leader', follower: 'follower', detached: 'detached' }

/** Turns `element` into a list of tabs, in the order in which they were opened. */
export function createRoster(element) {
  const channel = new BroadcastChannel('rivulet-demo-roster')
  const me = { id: crypto.randomUUID(), number: 1, since: Date.now(), role: 'none' }
  const tabs = new Map([[me.id, { ...me, seenAt: Infinity }]])

  const draw = () => {
    const known = [...tabs.values()].sort((one, other) => one.since - other.since)
    const rows = known.map(({ id, number, role }) => {
      const row = document.createElement('li')
      const name = document.createElement('strong')
      name.textContent = `Tab ${number}`
      const roleLabel = document.createElement('span')
      roleLabel.textContent = roleLabels[role] ?? 'inactive'
      row.dataset.role = role
      if (id === me.id) row.setAttribute('aria-current', 'true')
      row.append(name, roleLabel)
      return row
    })
    element.replaceChildren(...rows)
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel has no target origin
  const send = (kind) => channel.postMessage({ ...me, kind })

  channel.addEventListener('message', ({ data }) => {
    if (data.kind === 'bye') tabs.delete(data.id)
    else tabs.set(data.id, { ...data, seenAt: Date.now() })
    if (data.kind === 'hello') send('here')
    // Older tabs reply to `hello` with their numbers; take the next free number.
    if (data.since < me.since && data.number >= me.number && Date.now() - me.since < ANNOUNCE_INTERVAL_MS) {
      me.number = data.number + 1
      tabs.set(me.id, { ...me, seenAt: Infinity })
    }
    draw()
  })
  setInterval(() => {
    for (const [id, { seenAt }] of tabs) if (Date.now() - seenAt > REMOVE_AFTER_MS) tabs.delete(id)
    send('here')
    draw()
  }, ANNOUNCE_INTERVAL_MS)
  addEventListener('pagehide', () => send('bye'))
  send('hello')
  draw()

  return {
    /** Announces this tab's current role. */
    setRole(role) {
      me.role = role
      tabs.set(me.id, { ...me, seenAt: Infinity })
      send('here')
      draw()
    },
  }
}
