/** Starts real Redis servers: each on a free port of this machine, with a temporary folder of its own. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { findRedis } from '../../scripts/redis.mjs'
import { findFreePort } from '../chaos/ports.ts'

export interface RedisServer {
  readonly port: number
  /** Ends the process at once, as a crash does. The folder with the data stays. */
  kill(): Promise<void>
  /** Starts the process again, on the same port and with the same folder. */
  restart(): Promise<void>
  /** Ends the process and removes the folder. */
  stop(): Promise<void>
}

export interface RedisServerOptions {
  /** `disk`: every write is on disk before its reply, so that a crash loses nothing. */
  readonly storage?: 'memory' | 'disk'
}

/** Starts the process and waits until it accepts connections. */
async function launch(port: number, folder: string, storage: 'memory' | 'disk'): Promise<ChildProcess> {
  const path = findRedis()
  if (!path) throw new Error('No Redis server was found: run `npm test -- --install-redis`')
  const durable = storage === 'disk' ? ['--appendonly', 'yes', '--appendfsync', 'always'] : []
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...durable]
  // A replica gets its first copy without the usual pause, which gathers further replicas.
  const child = spawn(path, [...args, '--repl-diskless-sync-delay', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  for await (const line of createInterface(child.stdout)) {
    if (line.includes('Ready to accept connections')) {
      child.stdout.resume()
      return child
    }
    lines.push(line)
  }
  throw new Error(`redis-server ended before it accepted connections:\n${lines.join('\n')}`)
}

/** Starts a server. */
export async function startRedis({ storage = 'memory' }: RedisServerOptions = {}): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'rivulet-redis-'))
  const port = await findFreePort()
  let child = await launch(port, folder, storage)
  // A test run that is interrupted leaves no server behind.
  const killNow = (): void => void child.kill('SIGKILL')
  process.once('exit', killNow)
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return {
    port,
    kill,
    async restart() {
      await kill()
      child = await launch(port, folder, storage)
    },
    async stop() {
      await kill()
      process.off('exit', killNow)
      await rm(folder, { recursive: true })
    },
  }
}
