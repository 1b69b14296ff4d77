/** Serves a log to a worker, whose `ipcLog` sends the calls. */
import { methods } from './ipc-log.js'

/** Answers the calls that arrive from `child`, a child process, with those of `log`. */
export function serveLog(log, child) {
  /** Functions that stop the tails of the worker, by number. */
  const stops = new Map()
  // A message that a killed worker does not receive is not an error.
  const send = (message) => child.send(message, () => {})
  const answer = async ({ id, method, args }) => {
    try {
      if (!methods.includes(method)) throw new Error(`The log has no method ${method}.`)
      send({ type: 'result', id, value: await log[method](...args) })
    } catch (error) {
      send({ type: 'failure', id, reason: error.message })
    }
  }
  const stop = (id) => {
    stops.get(id)?.()
    stops.delete(id)
  }
  child.on('message', (message) => {
    const { type, id, stream } = message
    if (type === 'call') void answer(message)
    if (type === 'untail') stop(id)
    if (type === 'tail') {
      stops.set(
        id,
        log.tail(stream, (reason) => send({ type: 'wake', id, reason })),
      )
    }
  })
  child.once('disconnect', () => {
    for (const id of stops.keys()) stop(id)
  })
}
