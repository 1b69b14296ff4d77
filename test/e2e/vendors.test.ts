/** The page “Vendors”: one message from every vendor, and what the page says about each fault. */
import type { Page } from 'playwright'
import { expect, onTestFinished, test } from 'vitest'
import { answerTo, samplePrompts, usage } from '../../demo/vendor-answers.js'
import type { TestPage, TestPageOptions } from './test-page.ts'
import { useTestPages } from './test-page.ts'

const openTestPage = useTestPages()

const [ENGLISH = '', ARABIC = '', MARKUP = ''] = samplePrompts
/** How far the page's clock moves between two looks at the page. */
const STEP_MS = 200
const WORDS = 'Injected by the scenario.'
const COMPLETE = 'Complete. The model has called a tool, which this page has run.'

/** What the page says about an answer that has ended. */
interface Outcome {
  readonly says: string | RegExp
  readonly requests: number
  readonly resumed: string
}
const failed = (says: RegExp, requests = 1): Outcome => ({ says, requests, resumed: 'no' })
const resumed: Outcome = { says: COMPLETE, requests: 2, resumed: '1×' }

/** A vendor: the finish reason that the page shows, whether it resumes, and its codes of the statuses and the error. */
interface VendorCase {
  readonly vendor: string
  readonly finish: string
  readonly resumes: boolean
  readonly codes: readonly [rateLimit: string, overload: string, failure: string]
}
const cases: readonly VendorCase[] = [
  {
    vendor: 'openai-chat',
    finish: 'tool-calls (sent as tool_calls)',
    resumes: false,
    codes: ['http 429: rate_limit_exceeded', 'http 529: server_error', 'server: server_error'],
  },
  {
    vendor: 'openai-responses',
    finish: 'tool-calls (sent as completed)',
    resumes: true,
    codes: ['http 429: rate_limit_exceeded', 'http 529: server_error', 'server: server_error'],
  },
  {
    vendor: 'anthropic',
    finish: 'tool-calls (sent as tool_use)',
    resumes: false,
    codes: ['http 429: rate_limit_error', 'http 529: overloaded_error', 'server: overloaded_error'],
  },
  {
    vendor: 'gemini',
    finish: 'tool-calls (sent as STOP)',
    resumes: false,
    codes: ['http 429', 'http 529', 'server: 503'],
  },
  {
    vendor: 'ai-sdk',
    finish: 'tool-calls',
    resumes: true,
    codes: ['http 429', 'http 529', 'server'],
  },
  {
    vendor: 'ag-ui',
    finish: 'tool-calls (sent as success)',
    resumes: false,
    codes: ['http 429', 'http 529', 'server'],
  },
  {
    vendor: 'rivulet',
    finish: 'tool-calls',
    resumes: true,
    codes: ['http 429', 'http 529', 'server: overloaded'],
  },
]

/** Opens the page, with a clock that stands until `pass` moves it. */
async function open(options: TestPageOptions = {}): Promise<TestPage> {
  const testPage = await openTestPage({ site: 'demo', path: '/vendors.html', ...options })
  onTestFinished(() => testPage[Symbol.asyncDispose]())
  const { page } = testPage
  await page.clock.install({ time: 0 })
  await page.reload()
  await page.clock.pauseAt(1_000)
  await page.locator('#vendor option').first().waitFor({ state: 'attached' })
  return testPage
}

/** Moves the page's clock until the text of the selected element matches. */
async function pass(page: Page, selector: string, text: RegExp): Promise<void> {
  while (!text.test((await page.textContent(selector)) ?? '')) await page.clock.runFor(STEP_MS)
}

const chatNotice = '#chat [data-part=notice]'
const textOf = (page: Page, name: string): Promise<string | null> => page.textContent(`#chat [data-part=${name}]`)

/** Moves the page's clock until the answer has ended. */
async function passAnswer(page: Page): Promise<void> {
  while ((await page.getAttribute('[data-part=retry]', 'aria-disabled')) === 'true') await page.clock.runFor(STEP_MS)
}

async function send(page: Page, { vendor, fault = 'none', prompt = ENGLISH }: Record<string, string>): Promise<void> {
  if (vendor) await page.selectOption('#vendor', vendor)
  await page.selectOption('#fault', fault)
  await page.fill('#prompt', prompt)
  await page.click('[data-part=send]')
}

/** Returns the parts of an answer as the page should show them. */
function partsOf(prompt: string): Record<string, string> {
  const blocks: Record<string, unknown> = Object.assign({}, ...answerTo(prompt))
  const { city, hours } = blocks['input'] as Record<string, unknown>
  return {
    reasoning: blocks['reasoning'] as string,
    text: blocks['text'] as string,
    tool: 'weather',
    args: JSON.stringify(blocks['input']),
    result: JSON.stringify({ city, hours, sky: 'rain', temperature: 11 }),
  }
}

const shownParts = (page: Page, root = '#chat'): Promise<Record<string, string>> =>
  page.$eval(`${root} .message`, (message) => {
    const textOf = (selector: string): string => message.querySelector(selector)?.textContent ?? ''
    return {
      reasoning: textOf('.reasoning .words'),
      text: textOf(':scope > .words'),
      tool: textOf('.tool .call code'),
      args: textOf('.tool .arguments'),
      result: textOf('.tool .result'),
    }
  })

async function expectWholeAnswer(page: Page, { finish }: VendorCase): Promise<void> {
  expect(await textOf(page, 'notice')).toBe(COMPLETE)
  expect(await shownParts(page)).toEqual(partsOf(ENGLISH))
  expect(await textOf(page, 'finish')).toBe(finish)
  const counts = await Promise.all(['input', 'output', 'reasoning'].map((name) => textOf(page, name)))
  expect(counts.map(Number)).toEqual([usage.inputTokens, usage.outputTokens, usage.reasoningTokens])
}

test.each(cases)(
  '[$vendor] the answer comes out whole, the page names each fault, and a retry gives the exact answer',
  async (one) => {
    const { vendor, resumes, codes } = one
    const [rateLimit, overload, failure] = codes
    const { page, pageErrors } = await open()
    const refusal = (codes: string): string => `The vendor refused the request: “${WORDS}” (${codes})`
    const outcomes: Record<string, Outcome> = {
      none: { says: COMPLETE, requests: 1, resumed: 'no' },
      cut: resumes ? resumed : failed(/^The connection was lost\. \(network\)$/),
      stall: resumes ? resumed : failed(/^The server has gone silent: .* \(idle\)$/),
      529: { says: `All attempts have failed. ${refusal(overload)}`, requests: 3, resumed: 'no' },
      error: { says: `The generation failed after 40 deltas. (${failure})`, requests: 1, resumed: 'no' },
    }
    for (const [fault, { says, requests, resumed }] of Object.entries(outcomes)) {
      await send(page, { vendor, fault })
      await passAnswer(page)
      const notice = await textOf(page, 'notice')
      if (typeof says === 'string') expect(notice).toBe(says)
      else expect(notice).toMatch(says)
      expect([await textOf(page, 'requests'), await textOf(page, 'resumed')]).toEqual([String(requests), resumed])
      if (fault === '529') expect(await textOf(page, 'body')).toContain(WORDS)
      if (says === COMPLETE) await expectWholeAnswer(page, one)
      await page.click('[data-part=retry]')
      await passAnswer(page)
      await expectWholeAnswer(page, one)
    }
    await send(page, { vendor, fault: '429' })
    await pass(page, chatNotice, /refused/)
    expect(await textOf(page, 'notice')).toBe(refusal(rateLimit))
    await passAnswer(page)
    await expectWholeAnswer(page, one)
    expect([await textOf(page, 'requests'), await textOf(page, 'resumed')]).toEqual(['2', 'no'])
    expect(pageErrors).toEqual([])
  },
)

test('the page says that all vendors give the same result, and with a fault, how many do', async () => {
  const { page, pageErrors } = await open()
  await page.click('[data-part=run]')
  await pass(page, '[data-part=verdict]', /result/)
  expect(await page.textContent('[data-part=verdict]')).toBe(
    'Same result: the messages of all 7 vendors are equal, block by block.',
  )
  for (let lane = 1; lane <= cases.length; lane++) {
    expect(await shownParts(page, `.lane:nth-child(${lane})`)).toEqual(partsOf(ENGLISH))
  }
  await page.selectOption('#fault', 'cut')
  await page.click('[data-part=run]')
  await pass(page, '[data-part=verdict]', /^(Same|All .* failed|Different)/)
  expect(await page.textContent('[data-part=verdict]')).toBe(
    'Same result from the 3 that are complete. The other 4 ended with an error.',
  )
  expect(pageErrors).toEqual([])
})

test('text and arguments grow as they arrive, screen readers get sentences, and an answer can be stopped', async () => {
  const { page, pageErrors } = await open()
  const seen = await page.evaluateHandle(() => {
    const seen = { args: new Set<string>(), sentences: [] as string[] }
    const watch = (selector: string, onChange: (element: Element) => void): void => {
      const element = document.querySelector(selector)!
      new MutationObserver(() => onChange(element)).observe(element, { childList: true, subtree: true })
    }
    watch('#chat .message', (message) => seen.args.add(message.querySelector('.arguments')?.textContent ?? ''))
    watch('[data-part=spoken]', ({ textContent }) => seen.sentences.push(textContent ?? ''))
    return seen
  })
  await send(page, {})
  await passAnswer(page)
  const { args, sentences } = await seen.evaluate(({ args, sentences }) => ({ args: [...args], sentences }))
  expect(args.length).toBeGreaterThan(4)
  for (const [index, text] of args.entries()) expect(text.startsWith(args[index - 1] ?? '')).toBe(true)
  expect(sentences.filter(Boolean).join(' ')).toBe(partsOf(ENGLISH)['text'])

  await send(page, {})
  await pass(page, '#chat .message', /That depends/)
  await page.click('[data-part=stop]')
  await passAnswer(page)
  expect(await textOf(page, 'notice')).toBe('Stopped: the connection was closed.')
  expect(await textOf(page, 'finish')).toBe('cancelled')
  expect(partsOf(ENGLISH)['text']!.startsWith((await shownParts(page))['text']!)).toBe(true)
  await page.click('[data-part=retry]')
  await passAnswer(page)
  expect(await shownParts(page)).toEqual(partsOf(ENGLISH))
  expect(pageErrors).toEqual([])
})

test('a prompt and an answer in Arabic run from right to left, and JSON from left to right', async () => {
  const { page } = await open()
  await page.click(`.samples button:has-text("${ARABIC}")`)
  expect(await page.inputValue('#prompt')).toBe(ARABIC)
  await page.keyboard.press('Enter')
  await passAnswer(page)
  expect(await shownParts(page)).toEqual(partsOf(ARABIC))
  const directionOf = (selector: string): Promise<string> =>
    page.$eval(selector, (element) => getComputedStyle(element).direction)
  for (const selector of ['#prompt', '.asked', '#chat .reasoning .words', '#chat .message > .words'])
    expect(await directionOf(selector), selector).toBe('rtl')
  for (const selector of ['#chat .arguments', '#chat .result', '#chat .call'])
    expect(await directionOf(selector), selector).toBe('ltr')
})

test('markup in an answer is shown as text, and only web addresses of sources are links', async () => {
  const { page, pageErrors } = await open()
  await send(page, { prompt: MARKUP })
  await passAnswer(page)
  expect(await shownParts(page)).toEqual(partsOf(MARKUP))
  expect(await page.locator('#chat .message :is(b, i, em, a, img, script)').count()).toBe(0)
  const module = await page.evaluateHandle<typeof import('../../demo/message-view.js')>("import('/message-view.js')")
  const sources = await module.evaluate(({ createMessageView }) => {
    const root = document.createElement('div')
    const blocks = [
      { type: 'source', url: 'https://example.com/weather', title: '<b>Weather</b>' },
      { type: 'source', url: 'https://example.com/rain' },
      { type: 'source', url: 'javascript:alert(1)', title: 'Script' },
      { type: 'source', title: 'A file' },
    ]
    createMessageView(root).show({ blocks })
    return Array.from(root.children, ({ textContent, firstElementChild }) => [
      textContent,
      firstElementChild?.getAttribute('href'),
    ])
  })
  expect(sources).toEqual([
    ['<b>Weather</b>', 'https://example.com/weather'],
    ['https://example.com/rain', 'https://example.com/rain'],
    ['Script', undefined],
    ['A file', undefined],
  ])
  expect(pageErrors).toEqual([])
})

test('the page fits a phone in dark mode, with a long prompt and every vendor at once', async () => {
  const { page, pageErrors } = await open({
    context: { viewport: { width: 360, height: 640 }, colorScheme: 'dark', hasTouch: true },
  })
  const prompt = 'Donaudampfschifffahrtsgesellschaft'.repeat(4)
  await send(page, { prompt, fault: '529', vendor: 'anthropic' })
  await page.click('[data-part=run]')
  await passAnswer(page)
  await pass(page, '[data-part=verdict]', /failed/)
  await page.click('#chat .body summary')
  await page.selectOption('#fault', 'none')
  await page.click('[data-part=run]')
  await pass(page, '[data-part=verdict]', /^Same result: /)
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
  expect(pageErrors).toEqual([])
})
