/** A page reads three concurrent runs and a feed. */
import { expect, test } from 'vitest'
import { useTestPages } from './test-page.ts'

const open = useTestPages()

const answers = { one: 'Eins, zwei, drei. '.repeat(12), two: '一二三。'.repeat(50), three: '1️⃣2️⃣3️⃣ '.repeat(50) }
const prompts = Object.keys(answers) as (keyof typeof answers)[]

declare global {
  /** Global set in the page: for each delta, in order of arrival, the index of its run. */
  var arrivals: number[]
  var results: Promise<{ text: string; finishReason: string | undefined }[]>
}

test('three concurrent runs are received completely and interleaved while a feed stays open', async () => {
  await using testPage = await open({ server: { answers, delay: 10 } })
  const { server, page } = testPage
  await page.evaluate((prompts) => {
    const client = Rivulet.createClient()
    const feed = client.subscribe<{ note: number }>('/api/stream')
    feed.on('note', ({ data }) => document.body.append(`note ${data};`))
    globalThis.arrivals = []
    globalThis.results = Promise.all(
      prompts.map(async (prompt, index) => {
        const run = client.stream('/api/generate', { json: { prompt } })
        let text = ''
        for await (const { content } of run) {
          text += content
          globalThis.arrivals.push(index)
        }
        const { finishReason } = await run.final()
        return { text, finishReason }
      }),
    )
  }, prompts)
  await page.waitForFunction(() => [0, 1, 2].every((index) => globalThis.arrivals.includes(index)))
  expect(server.runs.map(({ state }) => state)).toEqual(['running', 'running', 'running'])
  await expect.poll(() => server.clients.length).toBe(1)
  server.broadcast({ type: 'note', data: 7 })
  await page.waitForFunction(() => document.body.textContent?.includes('note 7;'))
  expect(server.runs.map(({ state }) => state)).toEqual(['running', 'running', 'running'])

  const results = await page.evaluate(() => globalThis.results)
  expect(results).toEqual(prompts.map((prompt) => ({ text: answers[prompt], finishReason: 'stop' })))
  const arrivals = await page.evaluate(() => globalThis.arrivals)
  const changes = arrivals.filter((index, position) => position > 0 && index !== arrivals[position - 1]).length
  expect(changes).toBeGreaterThan(100) // interleaved, not one after the other
  expect(server.runs).toHaveLength(3)
  expect(testPage.pageErrors).toEqual([])
})
