/** A program that drives a browser, with a home folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/** Milliseconds within which a program must be ready; on a busy machine, Firefox needs tens of seconds. */
const START_TIMEOUT_MS = 120_000

/** Creates an empty folder that is a home folder and profile; `remove` deletes it. */
export function createHome(name: string): { folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), `rivulet-${name}-`))
  // A browser may still be writing its last files.
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }) }
}

export interface Program {
  /** Resolves with the match of the first line of the error output that `pattern` matches. */
  waitForLine(pattern: RegExp): Promise<RegExpExecArray>
  /** Ends the program and those that it has started. */
  close(): Promise<void>
}

/** Starts a program in a process group of its own, which ends with this process. */
export function startProgram(path: string, args: readonly string[], env: NodeJS.ProcessEnv): Program {
  const child: ChildProcess = spawn(path, args, { env, detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
  const lines = createInterface(child.stderr as Readable)
  const recent: string[] = []
  lines.on('line', (line) => {
    recent.push(line)
    if (recent.length > 20) recent.shift()
  })
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // The group has ended already.
    }
  }
  process.once('exit', kill)
  return {
    waitForLine: (pattern) =>
      new Promise((resolve, reject) => {
        const fail = (what: string): void => reject(new Error(`${path} ${what}:\n${recent.join('\n')}`))
        const timer = setTimeout(() => fail('is not ready in time'), START_TIMEOUT_MS)
        const check = (line: string): void => {
          const match = pattern.exec(line)
          if (!match) return
          clearTimeout(timer)
          resolve(match)
        }
        recent.forEach(check)
        lines.on('line', check)
        child.once('error', ({ message }) => fail(`does not start, ${message}`))
        child.once('exit', (code) => fail(`has exited with code ${code}`))
      }),
    async close() {
      process.off('exit', kill)
      const exited = child.exitCode === null && child.signalCode === null && once(child, 'exit')
      kill()
      await exited
    },
  }
}
