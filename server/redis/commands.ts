/** Runs scripts in Redis: by their hash, with a timeout, and with a limit of commands in flight. */
import type { Clock } from '../base/clock.ts'
import type { RedisClient } from './client.ts'
import type { Script } from './scripts/prelude.ts'

/** The most commands that wait for Redis. More only arrive while Redis does not answer. */
const MAX_PENDING_COMMANDS = 10_000

export interface CommandsOptions {
  /** Rejects a command that takes longer, in milliseconds. */
  readonly timeout: number
  readonly clock: Pick<Clock, 'after'>
}

export interface Commands {
  /** Runs a script and resolves with its reply. Rejects if Redis refuses it, cannot be reached, or takes too long. */
  run(script: Script, args: readonly string[]): Promise<unknown>
  /** Rejects all further commands. */
  close(): void
}

/** Returns the name under which Redis keeps a script: its SHA-1 in hexadecimal. */
async function hashOf({ source }: Script): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-1', new TextEncoder().encode(source))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Creates the function that runs scripts with one client. */
export function createCommands(client: RedisClient, { timeout, clock }: CommandsOptions): Commands {
  const hashes = new Map<Script, Promise<string>>()
  let pending = 0
  let isClosed = false

  const send = async (script: Script, args: readonly string[], abortSignal: AbortSignal): Promise<unknown> => {
    let hash = hashes.get(script)
    if (!hash) hashes.set(script, (hash = hashOf(script)))
    try {
      return await client.sendCommand(['EVALSHA', await hash, '0', ...args], { abortSignal })
    } catch (error) {
      // Redis keeps scripts until it restarts. EVAL sends the script again, and Redis keeps it again.
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error
      return client.sendCommand(['EVAL', script.source, '0', ...args], { abortSignal })
    }
  }

  return {
    async run(script, args) {
      if (isClosed) throw new Error(`The Redis log is closed: ${script.name}`)
      if (pending >= MAX_PENDING_COMMANDS) {
        throw new Error(`Redis does not keep up: ${MAX_PENDING_COMMANDS} commands wait for a reply: ${script.name}`)
      }
      pending++
      const controller = new AbortController()
      const reply = send(script, args, controller.signal)
        .catch((error: unknown) => {
          throw new Error(`Redis failed: ${script.name}: ${messageOf(error)}`, { cause: error })
        })
        .finally(() => pending--)
      let cancelTimeout: (() => void) | undefined
      const timedOut = new Promise<never>((_resolve, reject) => {
        cancelTimeout = clock.after(timeout, () => {
          reject(new Error(`Redis did not reply within ${timeout} ms (timeout): ${script.name}`))
          controller.abort()
        })
      })
      return Promise.race([reply, timedOut]).finally(() => cancelTimeout?.())
    },
    close() {
      isClosed = true
    },
  }
}
