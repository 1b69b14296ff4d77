/** The page “Two processes”: one of them is killed while an answer streams. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright'
import { expect, onTestFinished, test } from 'vitest'
import { answerTo } from '../../demo/server/answer.js'
import { useTestPages } from './test-page.ts'

const openTestPage = useTestPages()

const PROMPT = 'What if a process dies?'

/** Starts two processes, and opens the page. */
async function open(context = {}) {
  // Imported here, because it needs the built package.
  const { startProcesses } = await import('../../demo/server/processes.js')
  const processes = await startProcesses({ restartDelay: 100 })
  onTestFinished(() => processes.close())
  const testPage = await openTestPage({
    site: 'demo',
    path: '/processes.html',
    server: { fallback: processes.handle },
    context,
  })
  onTestFinished(() => testPage[Symbol.asyncDispose]())
  const { page } = testPage
  await waitForText(page, '#feed .data', /^event \d/)
  return testPage
}

const waitForText = (page: Page, selector: string, text: RegExp): Promise<void> =>
  page.locator(selector, { hasText: text }).first().waitFor()

/** Asks, and waits until one process generates the answer and the other one serves it. */
async function ask(page: Page): Promise<void> {
  await page.fill('#prompt', PROMPT)
  await page.click('[data-part=ask]')
  await page
    .locator('.process', { hasText: 'generates the answer' })
    .filter({ hasNotText: 'serves this page' })
    .waitFor()
  await waitForText(page, '#answer .summary', /^1\d deltas/)
}

async function expectWholeAnswer(page: Page): Promise<void> {
  await waitForText(page, '#answer [data-part=notice]', /^Complete\.$/)
  expect(await page.textContent('#answer [data-part=output]')).toBe(answerTo(PROMPT))
}

const factsOf = (page: Page): Promise<string[]> =>
  page.locator('#feed :is([data-part=lost], [data-part=repeated], [data-part=reconnects])').allTextContents()

/** What a browser reports about a connection that breaks. */
const BROKEN = /ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/

test('when the process that serves the page is killed, the other one continues the answer and the feed', async () => {
  const { page, pageErrors } = await open()
  const spoken = await page.evaluateHandle(() => {
    const texts: string[] = []
    const region = document.querySelector('[data-part=spoken]')!
    new MutationObserver(() => texts.push(region.textContent)).observe(region, { childList: true })
    return texts
  })
  await ask(page)
  expect(pageErrors).toEqual([])
  const pids = await page.locator('.process .pid').allTextContents()
  await page.click('[data-part=killServing]')
  await waitForText(page, '#kill [data-part=notice]', /^Process \d is running again/)
  await waitForText(page, '#answer [data-part=notice]', /^Process \d continues/)
  await waitForText(page, '#answer .summary', /1 gap/)
  await expectWholeAnswer(page)
  const pidsAfterwards = await page.locator('.process .pid').allTextContents()
  expect(pidsAfterwards.filter((pid) => pids.includes(pid))).toHaveLength(1)
  expect(await factsOf(page)).toEqual(['0', '0', '1'])
  // Screen readers get sentences.
  const sentences = (await spoken.jsonValue()).filter(Boolean)
  expect(sentences.length).toBeGreaterThan(5)
  for (const sentence of sentences) expect(sentence).toMatch(/[.?]$/)
  expect(sentences.join(' ')).toBe(answerTo(PROMPT).replaceAll('\n\n', ' '))
  expect(pageErrors.filter((error) => !BROKEN.test(error))).toEqual([])
})

test('when the process that generates is killed, the page says so, and another process generates the rest', async () => {
  const { page, pageErrors } = await open()
  await ask(page)
  await page.click('[data-part=killGenerating]')
  await waitForText(page, '#answer [data-part=notice]', /^The process that generated this answer is gone/)
  const text = (await page.textContent('#answer [data-part=output]'))!
  expect(answerTo(PROMPT).startsWith(text)).toBe(true)
  expect(text.length).toBeLessThan(answerTo(PROMPT).length)
  await page.click('[data-part=continue]')
  await expectWholeAnswer(page)
  // The feed was served by the other process.
  expect(await factsOf(page)).toEqual(['0', '0', '0'])
  expect(pageErrors).toEqual([])
})

test('the page fits a phone in dark mode with a long prompt', async () => {
  const { page, pageErrors } = await open({ viewport: { width: 360, height: 640 }, colorScheme: 'dark' })
  await page.fill('#prompt', 'Donaudampfschifffahrtsgesellschaft'.repeat(4))
  await page.keyboard.press('Enter')
  await waitForText(page, '#answer .summary', /^\d\d deltas/)
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
  expect(pageErrors).toEqual([])
})

test('without the processes, the page says how they are started', async () => {
  await using testPage = await openTestPage({ site: 'demo', path: '/processes.html' })
  await waitForText(testPage.page, '#kill [data-part=notice]', /“npm start”/)
})

test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('%s ends the demo and its processes', async (signal) => {
  const program = fileURLToPath(new URL('../../scripts/start.mjs', import.meta.url))
  const demo = spawn(process.execPath, [program, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(demo, 'exit')
  onTestFinished(() => void demo.kill('SIGKILL'))
  const [line] = (await once(createInterface(demo.stdout), 'line')) as [string]
  // The first line has the address.
  const url = line.match(/http:\S+/)![0]
  const response = await fetch(`${url}/processes/roster`)
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (!text.includes('snapshot')) text += (await reader.read()).value
  const pids = Array.from(text.matchAll(/"pid":(\d+)/g), ([, pid]) => Number(pid))
  expect(pids).toHaveLength(2)
  demo.kill(signal)
  expect(await ended).toEqual(signal === 'SIGKILL' ? [null, 'SIGKILL'] : [0, null])
  const isRunning = (pid: number): boolean => {
    try {
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }
  await expect.poll(() => pids.filter(isRunning), { timeout: 20_000 }).toEqual([])
})
