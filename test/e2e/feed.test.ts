/** A page reads a feed from a real server. */
import { expect, test } from 'vitest'
import { useTestPages } from './test-page.ts'

const open = useTestPages()

interface Events {
  connected: { protocol: number; clientId: string; message: string; heartbeat: number }
  price: { count: number; name: string }
}

const COUNT = 500

test('[P2.1] [P2.2] a listener receives `connected` first, then every event in order', async () => {
  await using testPage = await open()
  const { server, page } = testPage
  const initialId = server.broadcast({ type: 'price', data: { count: -1, name: 'before the subscription' } })
  const received = page.evaluate(
    (count) =>
      new Promise<{ connected: unknown; id: string; types: string[]; counts: number[]; names: string[]; last: string }>(
        (resolve) => {
          const client = Rivulet.createClient()
          const feed = client.subscribe<Events>('/api/stream')
          const types: string[] = []
          const counts: number[] = []
          const names: string[] = []
          let connected: unknown
          let first = ''
          feed.on('connected', ({ data, id }) => {
            connected = data
            first = id
          })
          feed.on('price', ({ data }) => {
            counts.push(data.count)
            names.push(data.name)
          })
          feed.onAny(({ type, id }) => {
            types.push(type)
            if (counts.length < count) return
            feed.close()
            resolve({ connected, id: first, types, counts, names, last: id })
          })
        },
      ),
    COUNT,
  )
  await expect.poll(() => server.clients.length).toBe(1)
  let last = ''
  for (let count = 0; count < COUNT; count++)
    last = server.broadcast({ type: 'price', data: { count, name: `第${count}号 🌊` } })

  const { connected, id, types, counts, names, last: lastReceived } = await received
  expect(connected).toMatchObject({ protocol: 1, message: 'connected', heartbeat: 30_000 })
  expect(id).toBe(initialId)
  expect(types).toEqual(['connected', ...Array<string>(COUNT).fill('price')])
  expect(counts).toEqual(Array.from({ length: COUNT }, (_, count) => count))
  expect(names.at(-1)).toBe(`第${COUNT - 1}号 🌊`)
  expect(lastReceived).toBe(last)
  await expect.poll(() => server.clients.length).toBe(0)
  expect(testPage.pageErrors).toEqual([])
})

test('a for await loop receives every event in order, and leaving the loop closes the connection', async () => {
  await using testPage = await open()
  const { server, page } = testPage
  const received = page.evaluate(async (count) => {
    const counts: number[] = []
    for await (const event of Rivulet.createClient().subscribe<Events>('/api/stream')) {
      if (event.type === 'price') counts.push(event.data.count)
      if (counts.length === count) break
    }
    return counts
  }, COUNT)
  await expect.poll(() => server.clients.length).toBe(1)
  for (let count = 0; count < 2 * COUNT; count++) server.broadcast({ type: 'price', data: { count, name: '' } })
  expect(await received).toEqual(Array.from({ length: COUNT }, (_, count) => count))
  await expect.poll(() => server.clients.length).toBe(0)
})
