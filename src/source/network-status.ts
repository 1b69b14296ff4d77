/** Reports changes of the network and the page, after which reconnecting at once is likely to succeed. */

export interface NetworkStatus {
  /** Returns whether there is certainly no network. */
  isOffline(): boolean
  /** Calls `listener` when an attempt at once is likely to succeed. Returns a function that removes the listener. */
  onReconnectHint(listener: () => void): () => void
}

/** The network is back, the page has left the back/forward cache, or the page is visible again (bubbles to the window). */
const reconnectHintEvents = ['online', 'pageshow', 'visibilitychange']

const listeners = new Set<() => void>()

/** The platform listener of all streams. */
function callListeners({ type }: Event): void {
  if (type === 'online' || globalThis.document?.visibilityState !== 'hidden')
    for (const listener of listeners) listener()
}

/** The status of a window or a worker. On a server, which has no such events, there are no hints. */
export const platformNetworkStatus: NetworkStatus = {
  isOffline: () => !(globalThis.navigator?.onLine ?? true),
  onReconnectHint(listener) {
    // The platform adds the same function only once. It stays when no stream is left, because adding and removing a listener
    // for `visibilitychange` takes about 30 µs in Chromium, which a page would pay for each short stream.
    if (!listeners.size) for (const type of reconnectHintEvents) globalThis.addEventListener?.(type, callListeners)
    listeners.add(listener)
    return () => listeners.delete(listener)
  },
}
