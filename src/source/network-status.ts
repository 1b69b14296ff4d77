/** Reports changes of the network and the page, after which reconnecting at once is likely to succeed. */

export interface NetworkStatus {
  /** Returns whether there is certainly no network. */
  isOffline(): boolean
  /** Calls `listener` when an attempt at once is likely to succeed. Returns a function that removes the listener. */
  onReconnectHint(listener: () => void): () => void
}

/** The network is back, the page has left the back/forward cache, or the page is visible again (bubbles to the window). */
const reconnectHintEvents = ['online', 'pageshow', 'visibilitychange']

/** The status of a window or a worker. On a server, which has no such events, there are no hints. */
export const platformNetworkStatus: NetworkStatus = {
  isOffline: () => !(globalThis.navigator?.onLine ?? true),
  onReconnectHint(listener) {
    const onEvent = ({ type }: Event): void => {
      if (type === 'online' || globalThis.document?.visibilityState !== 'hidden') listener()
    }
    for (const type of reconnectHintEvents) globalThis.addEventListener?.(type, onEvent)
    return () => {
      for (const type of reconnectHintEvents) globalThis.removeEventListener?.(type, onEvent)
    }
  },
}
