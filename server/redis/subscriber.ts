/** Wakes the readers of this process when any process has changed a stream. One channel per stream that is read. */
import type { Wake } from '../log/event-log.ts'
import type { RedisClient, RedisSubscriber } from './client.ts'

export interface SubscriberOptions {
  readonly channelOf: (stream: string) => string
  /** Called when the connection of the subscriber fails. */
  readonly onError: (error: Error) => void
}

export interface Subscriber {
  /** Calls `wake` after each change of a stream; returns a function that stops the calls. */
  tail(stream: string, wake: (reason: Wake) => void): () => void
  close(): void
}

interface Channel {
  readonly wakes: Set<(reason: Wake) => void>
  state: 'unsubscribed' | 'changing' | 'subscribed'
}

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

/** Creates a subscriber. It connects when the first stream is read. */
export function createSubscriber(client: RedisClient, { channelOf, onError }: SubscriberOptions): Subscriber {
  const channels = new Map<string, Channel>()
  let connection: { readonly subscriber: RedisSubscriber; readonly connected: Promise<unknown> } | undefined
  let isClosed = false

  const wakeAll = ({ wakes }: Channel, reason: Wake): void => {
    if (isClosed) return
    for (const wake of wakes) wake(reason)
  }

  const connect = (): NonNullable<typeof connection> => {
    if (connection) return connection
    const subscriber = client.duplicate()
    subscriber.on('error', onError)
    // Messages were lost while there was no connection.
    subscriber.on('ready', () => {
      for (const [stream, channel] of channels) {
        if (channel.state === 'subscribed') wakeAll(channel, 'appended')
        void settle(stream, channel)
      }
    })
    const connected = subscriber.connect().catch((error: unknown) => {
      connection = undefined
      throw error
    })
    connection = { subscriber, connected }
    return connection
  }

  /**
   * Subscribes to a channel if there are readers, or unsubscribes from it. One command at a time: clients mix up a
   * `SUBSCRIBE` that follows before the reply to an `UNSUBSCRIBE`.
   */
  const settle = async (stream: string, channel: Channel): Promise<void> => {
    const isSettled = (): boolean =>
      isClosed || channel.state === (channel.wakes.size > 0 ? 'subscribed' : 'unsubscribed')
    while (channel.state !== 'changing' && !isSettled()) {
      const before = channel.state
      channel.state = 'changing'
      try {
        const { subscriber, connected } = connect()
        await connected
        if (before === 'subscribed') {
          await subscriber.unsubscribe(channelOf(stream))
          channel.state = 'unsubscribed'
        } else {
          await subscriber.subscribe(channelOf(stream), (message) => wakeAll(channel, message as Wake))
          channel.state = 'subscribed'
          // The stream may have changed before the subscription was in force.
          wakeAll(channel, 'appended')
        }
      } catch (error) {
        // Tried again when the connection is ready, or when another reader comes.
        channel.state = before
        if (!isClosed) onError(toError(error))
        return
      }
    }
    if (channel.state === 'unsubscribed' && channel.wakes.size === 0) channels.delete(stream)
  }

  return {
    tail(stream, wake) {
      if (isClosed) return () => {}
      const channel = channels.get(stream) ?? { wakes: new Set(), state: 'unsubscribed' }
      channels.set(stream, channel)
      // A function per call, so that the same callback can be passed twice.
      const call = (reason: Wake): void => wake(reason)
      channel.wakes.add(call)
      void settle(stream, channel)
      return () => {
        channel.wakes.delete(call)
        void settle(stream, channel)
      }
    },
    close() {
      isClosed = true
      channels.clear()
      connection?.subscriber.destroy()
      connection = undefined
    },
  }
}
