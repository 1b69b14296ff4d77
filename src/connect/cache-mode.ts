/** Calls `fetch` with a cache mode only where the platform has one. */

/** The implementations of `fetch` that have rejected the `cache` option. */
const fetchesWithoutCache = new WeakSet<typeof globalThis.fetch>()

/**
 * Calls `fetch`; if it rejects the `cache` option, calls it again without that option, and so from now on. Until late
 * 2024, workerd had no cache modes ("The 'cache' field on 'RequestInitializerDict' is not implemented"); later versions
 * have some ("Unsupported cache mode").
 */
export async function fetchWithCacheMode(
  fetch: typeof globalThis.fetch,
  url: string,
  init: RequestInit,
): Promise<Response> {
  const { cache, ...rest } = init
  if (cache && !fetchesWithoutCache.has(fetch)) {
    try {
      return await fetch(url, init)
    } catch (error) {
      // Nothing has been sent: the platform rejects the option before it starts the request.
      if (!/'cache' field|cache mode/i.test(String(error))) throw error
      fetchesWithoutCache.add(fetch)
    }
  }
  return fetch(url, rest)
}
