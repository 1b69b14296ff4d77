/** What a server does with the package while it renders: import it, and make a client. Every global of a browser is a trap. */
const touched = []
const traps = [
  'window',
  'self',
  'document',
  'location',
  'navigator',
  'history',
  'localStorage',
  'sessionStorage',
  'indexedDB',
  'fetch',
  'Request',
  'Headers',
  'Response',
  'EventSource',
  'XMLHttpRequest',
  'WebSocket',
  'Worker',
  'BroadcastChannel',
  'addEventListener',
  'removeEventListener',
  'dispatchEvent',
  'reportError',
  'requestAnimationFrame',
  'HTMLElement',
  'setTimeout',
  'setInterval',
  'queueMicrotask',
  'performance',
  'crypto',
]
for (const name of traps) {
  Object.defineProperty(globalThis, name, {
    configurable: true,
    get() {
      touched.push(name)
      throw new Error(`${name} was touched`)
    },
  })
}

/** Whether the traps hold. */
let held = false
try {
  void document
} catch {
  held = touched.pop() === 'document'
}

const { createClient, bearer } = await import('rivulet')
createClient({
  baseUrl: 'https://api.example.com',
  auth: bearer(() => 'token'),
  retry: { delay: 1_000 },
  idleTimeout: 45_000,
})
const unasked = [...touched]

// Restores what writing the answer needs.
for (const name of traps) delete globalThis[name]
process.stdout.write(JSON.stringify({ held, touched: unasked }))
