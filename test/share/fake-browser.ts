/** A fake browser: locks, broadcast channels, and tabs that can be frozen, thawed and killed. */
import type { Clock } from '../../src/base/clock.ts'
import type { ShareChannel } from '../../src/share.ts'

type Locks = Pick<LockManager, 'request'>

export interface FakeTab {
  readonly locks: Locks
  openChannel(name: string): ShareChannel
  /** Delays all that arrives at the tab. With `lossy`, messages are lost, as in a page that a debugger has stopped. */
  freeze(mode?: 'lossless' | 'lossy'): void
  /** Delivers everything that was delayed, and ends the delay. */
  thaw(): void
  /** Ends the tab without sending any message, and releases its locks. */
  kill(): void
}

export interface FakeBrowser {
  openTab(): FakeTab
  /** All messages on all channels. */
  readonly messages: unknown[]
}

interface LockRequest {
  grant(): void
  revoke(): void
}

interface ChannelPort {
  readonly name: string
  deliver(task: () => void): void
  isLossy(): boolean
  receive(data: unknown): void
}

/**
 * Creates a fake browser. Messages are delivered as copies, in a later microtask or after `delay()` milliseconds; locks
 * are granted likewise. Messages keep their order, and so do locks, but a lock may overtake a message and vice versa.
 */
export function createFakeBrowser({ clock, delay }: { clock?: Clock; delay?: () => number } = {}): FakeBrowser {
  const queues = new Map<string, LockRequest[]>() // the first request holds the lock
  const ports = new Set<ChannelPort>()
  const messages: unknown[] = []

  const remove = (name: string, claim: LockRequest): void => {
    const queue = queues.get(name) ?? []
    const index = queue.indexOf(claim)
    if (index < 0) return
    queue.splice(index, 1)
    if (index === 0 && queue[0]) queue[0].grant()
  }

  const openTab = (): FakeTab => {
    let state: 'alive' | 'frozen' | 'lossy' | 'dead' = 'alive'
    const resources: { free(): void }[] = []
    const taskQueues: { run(): void; clear(): void }[] = []
    /** Creates a queue that runs tasks of this tab in order, and only while the tab is alive. */
    const createTaskQueue = (): ((task: () => void) => void) => {
      let tasks: (() => void)[] = []
      let arrived = 0 // number of tasks that are due
      const run = (): void => {
        while (state === 'alive' && arrived > 0) {
          arrived--
          tasks.shift()?.()
        }
      }
      const arrive = (): void => {
        arrived++
        run()
      }
      taskQueues.push({ run, clear: () => (tasks = []) })
      return (task) => {
        tasks.push(task)
        if (clock && delay) clock.after(delay(), arrive)
        else queueMicrotask(arrive)
      }
    }
    const deliver = createTaskQueue()
    const settle = createTaskQueue()

    const locks = {
      request(name: string, { signal, steal }: LockOptions, callback: (lock: Lock | null) => unknown) {
        return new Promise<unknown>((resolve, reject) => {
          if (state === 'dead') return
          const aborted = (): DOMException => new DOMException('Lock request aborted', 'AbortError')
          let held = false
          const claim: LockRequest = {
            grant() {
              held = true
              settle(() => {
                void Promise.resolve(callback(null)).then((value) => {
                  remove(name, claim)
                  resolve(value)
                }, reject)
              })
            },
            revoke: () => settle(() => reject(aborted())),
          }
          signal?.addEventListener('abort', () => {
            if (held) return
            remove(name, claim)
            reject(aborted())
          })
          const queue = queues.get(name) ?? []
          queues.set(name, queue)
          resources.push({ free: () => remove(name, claim) })
          if (steal) {
            queue.shift()?.revoke()
            queue.unshift(claim)
            claim.grant()
          } else if (queue.push(claim) === 1) claim.grant()
        })
      },
    } as Locks

    return {
      locks,
      openChannel(name) {
        let closed = false
        const listeners: ((event: { data: unknown }) => void)[] = []
        const channel: ShareChannel = {
          addEventListener: (_, listener) => listeners.push(listener),
          postMessage(message) {
            if (closed) throw new DOMException('Closed', 'InvalidStateError')
            if (state === 'dead') return
            messages.push(message)
            for (const port of ports) {
              if (port === ownPort || port.name !== name) continue
              const data: unknown = structuredClone(message)
              if (!port.isLossy()) port.deliver(() => port.receive(data))
            }
          },
          close() {
            closed = true
            ports.delete(ownPort)
          },
        }
        const ownPort: ChannelPort = {
          name,
          deliver,
          isLossy: () => state === 'lossy',
          receive(data) {
            if (!closed) for (const listener of listeners) listener({ data })
          },
        }
        ports.add(ownPort)
        resources.push({ free: () => ports.delete(ownPort) })
        return channel
      },
      freeze(mode) {
        if (state === 'alive') state = mode === 'lossy' ? 'lossy' : 'frozen'
      },
      thaw() {
        if (state !== 'dead') state = 'alive'
        for (const { run } of taskQueues) queueMicrotask(run)
      },
      kill() {
        state = 'dead'
        for (const { clear } of taskQueues) clear()
        for (const { free } of resources) free()
      },
    }
  }
  return { openTab, messages }
}
