/** The server behind the proxy: what every kind of server offers to a trial. */
import type { Restart } from './schedule.ts'

/**
 * `mock`: the mock server. `per-connection`: counts the IDs of each connection from 1, ignores `Last-Event-ID` and
 * replays nothing. `inclusive`: has one log with unique IDs, and replays the event with the `Last-Event-ID` as well.
 */
export type ServerKind = 'mock' | 'per-connection' | 'inclusive'

export const SERVER_KINDS: readonly ServerKind[] = ['mock', 'per-connection', 'inclusive']

export interface Upstream {
  readonly port: number
  /** The feed's cursor before its first event. */
  readonly lastEventId: string
  /** Sends an event of the feed. */
  broadcast(type: string, data: object | null): void
  /** Returns whether a client is connected to the feed. */
  hasClients(): boolean
  /** Returns how often each kind of fault of the server itself has occurred. */
  faultCounts(): ReadonlyMap<string, number>
  /** Returns the number of runs started so far, including those lost in restarts. */
  runCount(): number
  restart(restart: Restart): Promise<void>
  /** Breaks all connections and closes the server. */
  close(): Promise<void>
}
