/** A page reads a run while the server is still generating the answer. */
import { expect, test } from 'vitest'
import { useTestPages } from './test-page.ts'

const open = useTestPages()

/** Contains multi-byte characters of every kind, and is long enough that no run ends before the test has checked it. */
const ANSWER = '你好，世界！👋🏽 Ein Bächlein fließt. 👨‍👩‍👧‍👦 🇩🇪 “ça va?” ¡vale! नमस्ते. '.repeat(6)
const characters = Array.from(new Intl.Segmenter().segment(ANSWER), ({ segment }) => segment)
const answers = { 你好: ANSWER }

declare global {
  /** Global set in the page: the deltas received so far. */
  var deltas: string[]
  var run: import('../../src/client/run.ts').Run
}

/** Starts the run in the page without waiting for its end. */
function startRun(options: { prompt: string; retryDelay: number }): void {
  globalThis.deltas = []
  const client = Rivulet.createClient({ retry: { delay: options.retryDelay } })
  globalThis.run = client.stream('/api/generate', { json: { prompt: options.prompt } })
  void (async () => {
    for await (const { content } of globalThis.run) globalThis.deltas.push(content)
  })()
}

const runOptions = { prompt: '你好', retryDelay: 20 }

test('[P3.1] deltas arrive while the server is still generating, and add up to the complete text', async () => {
  await using testPage = await open({ server: { answers, delay: 10 } })
  const { server, page } = testPage
  await page.evaluate(startRun, runOptions)
  await page.waitForFunction(() => globalThis.deltas.length >= 5)
  expect(server.runs[0]!.state).toBe('running')
  const result = await page.evaluate(async () => ({ ...(await globalThis.run.final()), deltas: globalThis.deltas }))
  expect(result.deltas).toEqual(characters)
  expect(result.text).toBe(ANSWER)
  expect(result.text).toBe(server.runs[0]!.text)
  expect(result.finishReason).toBe('stop')
  expect(server.runs).toHaveLength(1)
  expect(testPage.pageErrors).toEqual([])
})

test('[P3.4] [F1] a run loses no character and starts no second run if connections are reset in the middle of an event', async () => {
  await using testPage = await open({
    server: {
      answers,
      delay: 2,
      scenario: { 'reset-after': 40, 'cut-at': 'character', path: '/api/generate*', times: 4 },
    },
  })
  const { server, page } = testPage
  await page.evaluate(startRun, runOptions)
  const { text, finishReason } = await page.evaluate(() => globalThis.run.final())
  expect(text).toBe(ANSWER)
  expect(finishReason).toBe('stop')
  expect(server.service.rules[0]!.matched).toBeGreaterThanOrEqual(5)
  expect(server.runs).toHaveLength(1)
})

test('[P3.5] cancel() stops the generation on the server', async () => {
  await using testPage = await open({ server: { answers, delay: 10 } })
  const { server, page } = testPage
  await page.evaluate(startRun, runOptions)
  await page.waitForFunction(() => globalThis.deltas.length >= 5)
  const { text, finishReason } = await page.evaluate(async () => {
    await globalThis.run.cancel()
    return globalThis.run.final()
  })
  expect(finishReason).toBe('cancelled')
  expect(server.runs[0]!.state).toBe('finished')
  expect(text).toBe(server.runs[0]!.text)
  expect(text.length).toBeLessThan(ANSWER.length)
})

test('[P3.3] after detach() the server finishes the run, and resume() reads the rest', async () => {
  await using testPage = await open({ server: { answers, delay: 5 } })
  const { server, page } = testPage
  await page.evaluate(startRun, runOptions)
  await page.waitForFunction(() => globalThis.deltas.length >= 5)
  const first = await page.evaluate(() => {
    globalThis.run.detach()
    return { text: globalThis.run.text, cursor: globalThis.run.cursor }
  })
  await expect.poll(() => server.runs[0]!.state, { timeout: 20_000 }).toBe('finished')
  const rest = await page.evaluate((cursor) => Rivulet.createClient().resume(cursor!).final(), first.cursor)
  expect(ANSWER.startsWith(first.text)).toBe(true)
  expect(rest.text).not.toBe('')
  expect(first.text + rest.text).toBe(ANSWER)
  expect(server.runs).toHaveLength(1)
})
