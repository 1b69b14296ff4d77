/** The server of the page “Two processes”: one port, two processes behind it, and the log that they share. */
import { createServer, memoryLog } from 'rivulet/server'
import { toNode } from 'rivulet/server/node'
import { forward, sendProblem } from './forward.js'
import { createWorkers } from './workers.js'

/**
 * Starts both processes. `handle` answers the requests below `/processes/`: it passes those for the feed and for answers
 * on to the processes in turn.
 */
export async function startProcesses({ restartDelay = 1_500 } = {}) {
  // With Redis, `redisLog` takes the place of this log, and each process has its own connection to it.
  const log = memoryLog({ shared: false, maxBytes: 16 * 1024 * 1024, maxRuns: 200 })
  const server = createServer({ log, heartbeat: 2_000 })
  const roster = server.feed('roster', { snapshot: () => ({ data: workers.list() }), retention: { events: 10 } })
  const sendRoster = toNode(roster.handler)
  const workers = createWorkers({
    log,
    restartDelay,
    onChange: () => void roster.send('roster', workers.list()).catch(() => {}), // the server is closed
  })
  let turn = 0

  /** Chooses a process in turn, but the avoided one only if there is no other. */
  const choose = (avoided) => {
    const running = workers.running()
    const others = running.filter(({ number }) => String(number) !== avoided)
    const candidates = others.length > 0 ? others : running
    return candidates[turn++ % candidates.length]
  }
  const kill = (number, response) => {
    if (!workers.kill(number)) return sendProblem(response, 404, 'This process is not running.')
    response.writeHead(204).end()
  }

  await workers.start()
  return {
    handle(request, response) {
      const path = request.url.split('?')[0]
      // Pages of other origins cannot send a DELETE.
      if (request.method === 'DELETE' && /^\/processes\/\d$/.test(path)) return kill(Number(path.at(-1)), response)
      if (path === '/processes/roster') return sendRoster(request, response)
      if (path !== '/processes/feed' && path !== '/processes/answers') {
        return sendProblem(response, 404, 'There is nothing at this address.')
      }
      const worker = choose(request.headers['x-avoid-process'])
      if (worker) forward(request, response, worker.port)
      else sendProblem(response, 503, 'No process is running.')
    },
    async close() {
      await server.close()
      await workers.close()
    },
  }
}
