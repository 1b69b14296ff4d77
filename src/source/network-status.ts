/** What the platform tells of the network and the page. */

export interface Environment {
  /** Whether there is surely no network. */
  isOffline(): boolean
  /** Calls `listener` whenever it is worth a try at once; returns what ends that. */
  onWake(listener: () => void): () => void
}

/** The network is back; the page is back from the back/forward cache, or seen again (it bubbles to the window). */
const wakes = ['online', 'pageshow', 'visibilitychange']

/** A window's or worker's; where there are no such events, as on a server, it is always awake. */
export const pageEnvironment: Environment = {
  isOffline: () => !(globalThis.navigator?.onLine ?? true),
  onWake(listener) {
    const heard = ({ type }: Event): void => {
      if (type === 'online' || globalThis.document?.visibilityState !== 'hidden') listener()
    }
    for (const type of wakes) globalThis.addEventListener?.(type, heard)
    return () => {
      for (const type of wakes) globalThis.removeEventListener?.(type, heard)
    }
  },
}
