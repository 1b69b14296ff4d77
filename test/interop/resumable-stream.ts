/** `resumable-stream` with the Redis client of these tests. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { RedisClient } from '../../server/redis.ts'

interface Context {
  createNewResumableStream(id: string, makeStream: () => ReadableStream<string>): Promise<ReadableStream<string> | null>
  resumeExistingStream(id: string): Promise<ReadableStream<string> | null | undefined>
}

interface ContextOptions {
  readonly waitUntil: null
  readonly subscriber: object
  readonly publisher: object
  readonly doneWatchdogIntervalMs?: number
}

/** Options of `createContext`. */
export interface WatchdogOptions {
  /** How often a reader looks whether its stream has ended. */
  readonly interval: number
  /** Called at each look. */
  onLook(): void
}

/** Creates a context with the package in `folder`. Its subscriber is a duplicate of the client. */
export async function createContext(
  folder: string,
  client: RedisClient,
  watchdog?: WatchdogOptions,
): Promise<Context & { close(): void }> {
  const load = createRequire(join(folder, 'package.json'))
  const { createResumableStreamContext } = load('resumable-stream/generic') as {
    createResumableStreamContext(options: ContextOptions): Context
  }
  const subscriber = client.duplicate()
  subscriber.on('error', () => undefined) // Redis ends before the context
  await subscriber.connect()
  const context = createResumableStreamContext({
    waitUntil: null,
    subscriber,
    publisher: {
      publish: (channel: string, message: string) => client.sendCommand(['PUBLISH', channel, message]),
      set: (key: string, value: string, { EX }: { EX: number }) =>
        client.sendCommand(['SET', key, value, 'EX', String(EX)]),
      incr: (key: string) => client.sendCommand(['INCR', key]),
      get(key: string) {
        watchdog?.onLook()
        return client.sendCommand(['GET', key])
      },
    },
    ...(watchdog && { doneWatchdogIntervalMs: watchdog.interval }),
  })
  return { ...context, close: () => subscriber.destroy() }
}
