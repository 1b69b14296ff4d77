/** The log of a worker: each call goes to the parent process, which keeps the streams for all workers. */

/** The methods that are answered; `tail` and `close` work differently. */
export const methods = [
  'append',
  'read',
  'claim',
  'renew',
  'find',
  'finish',
  'stop',
  'cancelKey',
  'join',
  'leave',
  'drop',
]

/**
 * Creates an `EventLog`, as `createServer` takes it. `channel` leads to a process that calls `serveLog`: it is `process` in
 * a child process with the serialization `advanced`, which keeps the value `Infinity`.
 */
export function ipcLog(channel) {
  /** The calls without an answer, and the tails, by number. */
  const calls = new Map()
  const tails = new Map()
  let lastId = 0
  let state = 'open'

  const settle = (id, how, value) => {
    calls.get(id)?.[how](value)
    calls.delete(id)
  }
  const send = (message, onError) => channel.send(message, (error) => error && onError?.(error))
  const call = (method, args) =>
    new Promise((resolve, reject) => {
      if (state === 'closed') return reject(new Error('The log is closed.'))
      const id = ++lastId
      calls.set(id, { resolve, reject })
      send({ type: 'call', id, method, args }, (error) => settle(id, 'reject', error))
    })
  const onMessage = ({ type, id, value, reason }) => {
    if (type === 'result') settle(id, 'resolve', value)
    if (type === 'failure') settle(id, 'reject', new Error(reason))
    if (type === 'wake') tails.get(id)?.(reason)
  }
  const onDisconnect = () => {
    state = 'closed'
    channel.off('message', onMessage)
    channel.off('disconnect', onDisconnect)
    for (const id of calls.keys()) settle(id, 'reject', new Error('The process that keeps the log cannot be reached.'))
  }
  channel.on('message', onMessage)
  channel.on('disconnect', onDisconnect)

  return {
    ...Object.fromEntries(methods.map((method) => [method, (...args) => call(method, args)])),
    tail(stream, wake) {
      const id = ++lastId
      tails.set(id, wake)
      if (state === 'open') send({ type: 'tail', id, stream })
      return () => {
        if (tails.delete(id) && state === 'open') send({ type: 'untail', id })
      }
    },
    async close() {
      if (state === 'closed') return
      for (const id of tails.keys()) send({ type: 'untail', id })
      onDisconnect()
    },
  }
}
