/** A Redis server whose writes are on disk before their replies, and two processes that serve from it. Each can be killed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findFreePort } from '../../chaos/ports.ts'
import { buildPrograms } from '../../support/build-programs.mjs'
import { startRedis } from '../../support/redis-server.ts'
import type { Kill, Victim } from './schedule.ts'

/** What a process gets as its argument. */
export interface ProcessOptions {
  readonly port: number
  readonly redisPort: number
  /** The file to which each generation of an answer is appended. */
  readonly generationsFile: string
}

export interface Cluster {
  readonly redisPort: number
  /** Ports of the processes. */
  readonly ports: readonly [number, number]
  /** The longest time in milliseconds from a kill of Redis until it served again. */
  readonly longestOutage: number
  /** IDs of the processes that were killed. */
  readonly killedPids: ReadonlySet<number>
  /** Kills and starts again; resolves when the victim serves again. */
  kill(kill: Omit<Kill, 'afterItems'>): Promise<void>
  /** Resolves with the IDs of the processes that generated the answer of a stream, one for each generation. */
  generationsOf(stream: string): Promise<number[]>
  close(): Promise<void>
}

/** Starts a process; resolves when it serves. */
async function launch(program: string, options: ProcessOptions): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, JSON.stringify(options)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit').then(() => Promise.reject(new Error('A process of the cluster ended early')))
  exited.catch(() => undefined)
  await Promise.race([once(child, 'message'), exited])
  return child
}

/** Starts a cluster. */
export async function startCluster(): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'rivulet-cluster-'))
  const generationsFile = join(folder, 'generations')
  await writeFile(generationsFile, '')
  const program = `${await buildPrograms(import.meta.url, ['server-process'], 'server-chaos')}server-process.mjs`
  const redis = await startRedis({ storage: 'disk' })
  const ports = [await findFreePort(), await findFreePort()] as const
  const start = (port: number): Promise<ChildProcess> =>
    launch(program, { port, redisPort: redis.port, generationsFile })
  const children = await Promise.all(ports.map(start))
  const killedPids = new Set<number>()
  let longestOutage = 0
  /** What each victim still does: two kills of the same one wait for each other. */
  const pending = new Map<Victim, Promise<void>>()

  const killNow = async ({ victim, downtime }: Omit<Kill, 'afterItems'>): Promise<void> => {
    if (victim === 'redis') {
      const since = performance.now()
      await redis.kill()
      await delay(downtime)
      await redis.restart()
      longestOutage = Math.max(longestOutage, performance.now() - since)
      return
    }
    const child = children[victim]!
    killedPids.add(child.pid!)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await delay(downtime)
    children[victim] = await start(ports[victim])
  }
  return {
    redisPort: redis.port,
    ports,
    killedPids,
    get longestOutage() {
      return longestOutage
    },
    kill(kill) {
      const killed = (pending.get(kill.victim) ?? Promise.resolve()).then(() => killNow(kill))
      pending.set(kill.victim, killed)
      return killed
    },
    async generationsOf(stream) {
      const lines = (await readFile(generationsFile, 'utf8')).split('\n')
      return lines.filter((line) => line.startsWith(`${stream} `)).map((line) => Number(line.split(' ').at(-1)))
    },
    async close() {
      await Promise.all(pending.values())
      for (const child of children) child.kill('SIGKILL')
      await redis.stop()
      await rm(folder, { recursive: true })
    },
  }
}
