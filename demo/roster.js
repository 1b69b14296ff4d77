/** Who else has this page open, and what each of them does. The SDK knows of no such list: tabs tell each other here. */

/** How often a tab says that it is there; one that has been silent for as long as hidden ones may be is gone (milliseconds). */
const BEAT = 1_000
const SILENCE = 70_000

/** Makes of `element` a list of tabs, in the order in which they were opened. */
export function createRoster(element) {
  const channel = new BroadcastChannel('rivulet-demo-roster')
  const me = { id: crypto.randomUUID(), number: 1, since: Date.now(), role: 'none' }
  const tabs = new Map([[me.id, { ...me, heard: Infinity }]])

  const draw = () => {
    const known = [...tabs.values()].sort((one, other) => one.since - other.since)
    const rows = known.map(({ id, number, role }) => {
      const row = document.createElement('li')
      const name = document.createElement('strong')
      name.textContent = `Tab ${number}`
      const does = document.createElement('span')
      does.textContent = { leading: 'leads', following: 'follows', apart: 'by itself' }[role] ?? 'no part'
      row.dataset.role = role
      if (id === me.id) row.setAttribute('aria-current', 'true')
      row.append(name, does)
      return row
    })
    element.replaceChildren(...rows)
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
  const say = (how) => channel.postMessage({ ...me, how })

  channel.addEventListener('message', ({ data }) => {
    if (data.how === 'bye') tabs.delete(data.id)
    else tabs.set(data.id, { ...data, heard: Date.now() })
    if (data.how === 'hello') say('here')
    // The next number after those that were there before: told as answers to its `hello`.
    if (data.since < me.since && data.number >= me.number && Date.now() - me.since < BEAT) {
      me.number = data.number + 1
      tabs.set(me.id, { ...me, heard: Infinity })
    }
    draw()
  })
  setInterval(() => {
    for (const [id, { heard }] of tabs) if (Date.now() - heard > SILENCE) tabs.delete(id)
    say('here')
    draw()
  }, BEAT)
  addEventListener('pagehide', () => say('bye'))
  say('hello')
  draw()

  return {
    /** Says what this tab does now. */
    tell(role) {
      me.role = role
      tabs.set(me.id, { ...me, heard: Infinity })
      say('here')
      draw()
    },
  }
}
