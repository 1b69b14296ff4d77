/** Queues tasks of the event loop. */

/** Returns a function whose promise resolves in a new task. Await each promise before the next call. */
export function createTaskSource(): () => Promise<void> {
  let channel: MessageChannel | undefined
  return () =>
    new Promise((resolve) => {
      // Timers would be clamped to 4 ms (HTML standard, section "Timers"), and in Node a message port would keep the
      // process alive.
      const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => void }
      if (setImmediate) return setImmediate(resolve)
      channel ??= new MessageChannel()
      // oxlint-disable-next-line unicorn/prefer-add-event-listener -- each task replaces the listener of the previous task
      channel.port1.onmessage = () => resolve()
      channel.port2.postMessage(0)
    })
}
