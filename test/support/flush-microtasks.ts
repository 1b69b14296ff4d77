/** Lets all pending microtasks run. */

/** Resolves in a new task, after all microtasks, including those queued by microtasks; with fake timers, too. */
export function flushMicrotasks(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') return void setImmediate(resolve)
    // Browsers have no `setImmediate`, and delay the timers of a hidden page.
    const { port1, port2 } = new MessageChannel()
    port1.addEventListener('message', () => {
      port1.close()
      resolve()
    })
    port1.start()
    port2.postMessage(undefined)
  })
}
