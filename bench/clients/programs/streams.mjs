/** The program that runs in the page: opens many streams with one adapter and counts their events. */

/** Opens a stream. `wait(count)` resolves once it has received `count` events and rejects if one is missing or repeated. */
function openStream(adapter, url) {
  let next
  let count = 0
  let wanted = 0
  let settle
  const close = adapter.open(
    url,
    (_type, _data, id) => {
      const index = Number(id)
      if (next !== undefined && index !== next) settle?.reject(new Error(`${url}: event ${index} instead of ${next}`))
      next = index + 1
      if (++count === wanted) settle.resolve()
    },
    (error) => settle?.reject(error),
  )
  return {
    close,
    count: () => count,
    wait: (events) =>
      new Promise((resolve, reject) => {
        wanted = events
        settle = { resolve, reject }
        if (count >= wanted) resolve()
      }),
  }
}

export function createProgram(adapter) {
  let streams = []
  const countEvents = () => streams.reduce((sum, { count }) => sum + count(), 0)

  return {
    /** Opens these streams; resolves once each has received an event. */
    async open(urls) {
      streams = urls.map((url) => openStream(adapter, url))
      await Promise.all(streams.map(({ wait }) => wait(1)))
    },
    /** Resolves once each stream has received this many more events, with the number that all have received meanwhile. */
    async receive(events) {
      const before = countEvents()
      await Promise.all(streams.map(({ count, wait }) => wait(count() + events)))
      return countEvents() - before
    },
    close() {
      for (const { close } of streams) close()
      streams = []
    },
    /** Opens this many streams one after another, and closes each after its first event. */
    async openInTurn(url, times) {
      for (let time = 0; time < times; time++) {
        const { wait, close } = openStream(adapter, url)
        await wait(1)
        close()
      }
    },
  }
}
