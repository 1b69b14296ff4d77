/** Runs adapters in Node, each in its own process; measures CPU time, including garbage collection and compilation. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const worker = fileURLToPath(new URL('worker.mjs', import.meta.url))

/** Starts the process of one adapter; `call(method, …args)` calls a method of its meter. */
export async function openNode(name) {
  const child = fork(worker, [name], { stdio: 'inherit' })
  const waiting = new Map()
  let calls = 0
  const opened = new Promise((resolve, reject) => waiting.set(0, { resolve, reject }))
  child.on('message', ({ id, value, error }) => {
    const { resolve, reject } = waiting.get(id)
    waiting.delete(id)
    if (error) reject(new Error(error))
    else resolve(value)
  })
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`The process of ${name} exited with code ${code}`))
  })
  await opened
  return {
    call: (method, ...args) =>
      new Promise((resolve, reject) => {
        waiting.set(++calls, { resolve, reject })
        child.send({ id: calls, method, args })
      }),
    close: () => void child.kill(),
  }
}

export const startNode = async () => ({ open: openNode, version: `Node ${process.version}`, close: async () => {} })
