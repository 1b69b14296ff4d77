/** Where one stream is put to the test: a server with what it has to send, the proxy before it, and the faults that have happened. */
import { type MockServer, startMockServer } from '../../mock-server/node/mock-server.ts'
import type { Rule } from '../../mock-server/scenario/rule.ts'
import { makeAnswer, makePayload } from './payloads.ts'
import { prompt } from './client.ts'
import { withFreePort } from './ports.ts'
import { startProxy } from './proxy.ts'
import { type Schedule, sizes } from './schedule.ts'

export interface Stage {
  /** Of the proxy. */
  readonly url: string
  /** The feed's position before its first event. */
  readonly lastEventId: string
  /** How often each kind of fault has happened by now. */
  faults(): ReadonlyMap<string, number>
  /** Runs that were started. */
  runs(): number
  /** So much has been delivered: what was to happen then happens. */
  reached(count: number): void
  close(): Promise<void>
}

/** Milliseconds between two of a feed's bursts, and between two events that say that it is over. */
const BURST = 2
const TAIL = 25

/** Keys that say which requests a fault is for, and how it is. */
const how = ['skip', 'times', 'cut-at', 'retry-after']

/** The fault that a rule stands for. */
function nameOf(rule: Rule): string {
  const key = Object.keys(rule).find((name) => !how.includes(name))
  return `server: ${key === 'status' ? rule.status : key}`
}

/** `extra`: rules that are no faults. */
export async function openStage(schedule: Schedule, extra: readonly Rule[] = []): Promise<Stage> {
  const { kind, seed, rules } = schedule
  const server: MockServer = await withFreePort((port) =>
    startMockServer({
      port,
      heartbeat: schedule.heartbeat,
      history: 2 * sizes.feed,
      delay: schedule.pace,
      answers: { [prompt]: makeAnswer(seed).text },
      compress: schedule.compress,
      scenario: [...extra, ...rules],
    }),
  )
  const faults = new Map<string, number>()
  const onFault = (fault: string, times = 1): void => void faults.set(fault, (faults.get(fault) ?? 0) + times)
  const proxy = await startProxy({ target: server.port, links: schedule.links, seed, onFault })
  const { lastEventId } = server.service.feed()

  let sent = 0
  let timer: NodeJS.Timeout | undefined
  const write = (): void => {
    const until = Math.min(sizes.feed, sent + schedule.burst)
    while (sent < until) server.broadcast({ type: 'item', data: makePayload(sent++) })
    // Said until it is heard: whoever was not there is told of it later, or never.
    if (sent === sizes.feed) server.broadcast({ type: 'tail', data: null })
    timer = setTimeout(write, sent === sizes.feed ? TAIL : BURST)
  }
  if (kind === 'feed') write()

  const awaited = [...schedule.restarts].sort((one, other) => one.after - other.after)
  let forgotten = 0
  let restarting: Promise<void> = Promise.resolve()

  return {
    url: proxy.url,
    lastEventId,
    faults() {
      const all = new Map(faults)
      for (const { rule, matched } of server.service.rules.slice(extra.length)) {
        const times = Math.max(0, Math.min(matched - (rule.skip ?? 0), rule.times ?? Infinity))
        const name = nameOf(rule)
        if (times > 0) all.set(name, (all.get(name) ?? 0) + times)
      }
      return all
    },
    runs: () => forgotten + server.runs.length,
    reached(count) {
      if (!awaited[0] || count < awaited[0].after) return
      const { downtime, log } = awaited.shift()!
      onFault(log === 'lose' ? 'restart, all forgotten' : 'restart')
      if (log === 'lose') forgotten += server.runs.length
      restarting = restarting.then(() => server.restart({ downtime, log }))
    },
    async close() {
      clearTimeout(timer)
      await restarting
      await proxy.close()
      await server.kill() // nobody is waited for
      await server.close()
    },
  }
}
