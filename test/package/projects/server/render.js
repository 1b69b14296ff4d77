/** A server-rendering program: imports the package and creates a client, with traps on every browser global. */
const accessed = []
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
      accessed.push(name)
      throw new Error(`${name} was accessed`)
    },
  })
}

/** Whether accessing a trapped global is detected. */
let trapsWork = false
try {
  void document
} catch {
  trapsWork = accessed.pop() === 'document'
}

const { createClient, bearer } = await import('rivulet')
createClient({
  baseUrl: 'https://api.example.com',
  auth: bearer(() => 'token'),
  retry: { delay: 1_000 },
  idleTimeout: 45_000,
})
const accessedByPackage = [...accessed]

// Restores the globals that writing to stdout needs.
for (const name of traps) delete globalThis[name]
process.stdout.write(JSON.stringify({ trapsWork, accessed: accessedByPackage }))
