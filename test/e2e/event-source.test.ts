/** The native `EventSource` as a client of the mock server: the protocol is standard server-sent events. */
import { expect, test } from 'vitest'
import { useTestPages } from './test-page.ts'

const open = useTestPages()

const ANSWER = '你好，世界！👋🏽 A native answer. '.repeat(10)

declare global {
  /** Global set in the page: the events that the `EventSource` received. */
  var receivedEvents: { type: string; data: unknown; id: string }[]
}

test('[P1.1] [P2.1] [P2.3] native EventSource reads a feed and resumes it after a server restart', async () => {
  await using testPage = await open({ server: { scenario: { retry: 100, path: '/api/stream' } } })
  const { server, page } = testPage
  await page.evaluate(() => {
    globalThis.receivedEvents = []
    const source = new EventSource('/api/stream')
    for (const type of ['connected', 'number', 'message', 'reset']) {
      source.addEventListener(type, ({ data, lastEventId }) =>
        globalThis.receivedEvents.push({ type, data: JSON.parse(data as string), id: lastEventId }),
      )
    }
  })
  await page.waitForFunction(() => globalThis.receivedEvents.length === 1)
  for (let data = 0; data < 100; data++) server.broadcast({ type: 'number', data })
  const plain = server.broadcast({ data: 'eine Zeile\r\nund noch eine\n 你好 🌊' })
  await page.waitForFunction(() => globalThis.receivedEvents.length === 102)
  await server.kill()
  for (let data = 100; data < 200; data++) server.broadcast({ type: 'number', data })
  await server.restart()
  await page.waitForFunction(() => globalThis.receivedEvents.some(({ data }) => data === 199))

  const receivedEvents = await page.evaluate(() => globalThis.receivedEvents)
  expect(receivedEvents[0]).toMatchObject({ type: 'connected', data: { protocol: 1 } })
  expect(receivedEvents.filter(({ type }) => type === 'number').map(({ data }) => data)).toEqual(
    Array.from({ length: 200 }, (_, data) => data),
  )
  expect(receivedEvents.find(({ type }) => type === 'message')).toEqual({
    type: 'message',
    data: 'eine Zeile\r\nund noch eine\n 你好 🌊',
    id: plain,
  })
  expect(receivedEvents.filter(({ type }) => type === 'connected')).toHaveLength(2)
  expect(receivedEvents.some(({ type }) => type === 'reset')).toBe(false)
})

test('[P3.1] [P3.3] native EventSource reads a run across reconnects without repeating a delta or starting a second run', async () => {
  await using testPage = await open({
    server: {
      answers: { 你好: ANSWER },
      delay: 2,
      scenario: { 'reset-after': 30, retry: 100, times: 3, path: '/api/generate' },
    },
  })
  const { server, page } = testPage
  const run = await page.evaluate(
    () =>
      new Promise<{ starts: number; indexes: number[]; text: string; end: unknown; responses: number }>((resolve) => {
        const source = new EventSource(`/api/generate?${new URLSearchParams({ prompt: '你好' })}`)
        const indexes: number[] = []
        let text = ''
        let starts = 0
        let responses = 0
        source.addEventListener('open', () => responses++)
        source.addEventListener('start', () => starts++)
        source.addEventListener('delta', ({ data }) => {
          const { content, index } = JSON.parse(data as string)
          text += content
          indexes.push(index)
        })
        source.addEventListener('end', ({ data }) => {
          source.close()
          resolve({ starts, indexes, text, end: JSON.parse(data as string), responses })
        })
      }),
  )
  expect(run.text).toBe(ANSWER)
  expect(run.text).toBe(server.runs[0]!.text)
  expect(run.indexes).toEqual(Array.from(run.indexes, (_, index) => index))
  expect(run.end).toMatchObject({ finishReason: 'stop' })
  expect(run.starts).toBe(1)
  expect(run.responses).toBe(4)
  expect(server.runs).toHaveLength(1)
})

test('[P1.4] a 204 response after the end of a run closes the native EventSource for good', async () => {
  await using testPage = await open({ server: { delay: 0, scenario: { retry: 100, path: '/api/generate' } } })
  const { page } = testPage
  const state = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const source = new EventSource('/api/generate?prompt=hello')
        source.addEventListener('error', () => source.readyState === EventSource.CLOSED && resolve(source.readyState))
      }),
  )
  expect(state).toBe(2)
})
