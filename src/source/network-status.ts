/** What the platform tells of the network and the page. */

export interface NetworkStatus {
  /** Whether there is surely no network. */
  isOffline(): boolean
  /** Calls `listener` whenever it is worth a try at once; returns what ends that. */
  onReconnectHint(listener: () => void): () => void
}

/** The network is back; the page is back from the back/forward cache, or seen again (it bubbles to the window). */
const reconnectHintEvents = ['online', 'pageshow', 'visibilitychange']

/** A window's or worker's; where there are no such events, as on a server, it is always awake. */
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
