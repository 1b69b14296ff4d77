/** Tasks of the event loop, one after the other. */

/** Makes what queues a task: its promise resolves in a task of its own. Ask for one at a time. */
export function createTaskSource(): () => Promise<void> {
  let channel: MessageChannel | undefined
  return () =>
    new Promise((resolve) => {
      // A timer would cost 4 ms a task (HTML standard, section "Timers"), and a port would keep a Node process alive.
      const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => void }
      if (setImmediate) return setImmediate(resolve)
      channel ??= new MessageChannel()
      // oxlint-disable-next-line unicorn/prefer-add-event-listener -- each task replaces the listener of the last one
      channel.port1.onmessage = () => resolve()
      channel.port2.postMessage(0)
    })
}
