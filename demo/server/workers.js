/** Starts the two processes, kills them on request, and replaces those that have ended. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { serveLog } from './serve-log.js'

const program = fileURLToPath(new URL('worker.js', import.meta.url))

/** Creates two workers, which use `log`. `onChange` is called whenever what `list` returns has changed. */
export function createWorkers({ log, restartDelay, onChange }) {
  const workers = [1, 2].map((number) => ({ number, state: 'starting', runs: new Set() }))
  let isClosing = false

  const update = (worker, changes) => {
    Object.assign(worker, changes)
    onChange()
  }
  const onMessage = (worker, { type, id, port }) => {
    if (type === 'ready') update(worker, { state: 'running', port })
    if (type === 'run-start') update(worker, { runs: worker.runs.add(id) })
    if (type === 'run-end' && worker.runs.delete(id)) onChange()
  }
  /** Starts the process of a worker. Resolves once it listens, or has ended. */
  const start = (worker) =>
    new Promise((resolve) => {
      const child = fork(program, [String(worker.number)], {
        serialization: 'advanced',
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      })
      serveLog(log, child)
      update(worker, { state: 'starting', child, pid: child.pid })
      child.on('message', (message) => {
        onMessage(worker, message)
        if (message.type === 'ready') resolve()
      })
      child.on('error', console.error)
      child.once('close', () => {
        resolve()
        worker.runs.clear()
        update(worker, { state: 'killed', port: undefined })
        if (!isClosing) worker.timer = setTimeout(() => void start(worker), restartDelay)
      })
    })

  return {
    /** Starts both; resolves once they listen. */
    start: () => Promise.all(workers.map(start)),
    /** What a page may know about them. */
    list: () => workers.map(({ number, pid, state, runs }) => ({ number, pid, state, runs: [...runs] })),
    /** Those that listen, with their ports. */
    running: () => workers.filter(({ state }) => state === 'running'),
    /** Kills a process. Returns whether it was running. */
    kill(number) {
      const worker = workers.find((one) => one.number === number)
      return worker?.state === 'running' && worker.child.kill('SIGKILL')
    },
    /** Ends both; resolves once they have ended. */
    async close() {
      isClosing = true
      const endings = workers.map(async ({ child, state, timer }) => {
        clearTimeout(timer)
        if (!child || state === 'killed') return
        child.kill('SIGKILL')
        await once(child, 'close')
      })
      await Promise.all(endings)
    },
  }
}
