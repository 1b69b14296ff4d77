/** Queues tasks of the event loop. */

/** Returns a function whose promise resolves in a new task. Await each promise before the next call. */
export function createTaskSource(): () => Promise<void> {
  let channel: MessageChannel | undefined
  return () =>
    new Promise((resolve) => {
      // Timers are the last choice: they would be clamped to 4 ms (HTML standard, section "Timers"). In Node, a message
      // port would keep the process alive.
      const { setImmediate, MessageChannel } = globalThis as {
        setImmediate?: (callback: () => void) => void
        MessageChannel?: typeof globalThis.MessageChannel
      }
      if (setImmediate) return setImmediate(resolve)
      if (!MessageChannel) return setTimeout(resolve, 0)
      channel ??= new MessageChannel()
      // oxlint-disable-next-line unicorn/prefer-add-event-listener -- each task replaces the listener of the previous task
      channel.port1.onmessage = () => resolve()
      channel.port2.postMessage(0)
    })
}
