/** What the log needs of a Redis client. A client of `@redis/client` fits as it is. */

/** A client that is connected, or connects by itself. Its owner handles its errors and closes it. */
export interface RedisClient {
  /** Sends one command. `abortSignal` takes back a command that has not been sent yet; a client may ignore it. */
  sendCommand(args: string[], options?: { abortSignal?: AbortSignal }): Promise<unknown>
  /** Returns another client with the same settings, which is not connected yet. */
  duplicate(): RedisSubscriber
}

/** A client that receives messages, and subscribes again by itself after its connection was replaced. */
export interface RedisSubscriber {
  connect(): Promise<unknown>
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
  /** `ready`: connected, for the first time or again. */
  on(event: 'ready', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  /** Closes the connection now. */
  destroy(): unknown
}
