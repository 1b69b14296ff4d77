/** The demo as a visitor has it: it loads clean, works by keyboard, fits a phone, and shows text. */
import type { Page } from 'playwright'
import { expect, test } from 'vitest'
import { useTestPages } from './test-page.ts'

const open = useTestPages()

const HOSTILE = '<img src=x onerror="globalThis.hacked=1"><script>globalThis.hacked=1</script>'

const ask = async (page: Page, prompt: string): Promise<void> => {
  await page.fill('#prompt', prompt)
  await page.click('#answer [data-part=ask]')
}
/** Waits until the part of a section says what is wanted. */
const waitForText = (page: Page, part: string, wanted: RegExp): Promise<unknown> =>
  page.waitForFunction(
    ([selector, source]) => new RegExp(source).test(document.querySelector(selector)?.textContent ?? ''),
    [part, wanted.source] as const,
  )

test.each(['/', '/script-tag.html'])(
  '%s loads without an error, a warning of its policy, or a request that fails',
  async (path) => {
    await using testPage = await open({ site: 'demo', path })
    await expect.poll(() => testPage.server.clients.length).toBe(1)
    await testPage.page.getByText('open', { exact: true }).first().waitFor()
    expect(await testPage.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
    expect(testPage.pageErrors).toEqual([])
  },
)

test('an answer is asked for, let go of and resumed by keyboard alone, and is the server’s', async () => {
  await using testPage = await open({ site: 'demo' })
  const { server, page } = testPage
  await page.focus('#prompt')
  await page.keyboard.press('ControlOrMeta+A')
  await page.keyboard.type('keys')
  await page.keyboard.press('Enter')
  await waitForText(page, '#answer .summary', /[2-9] deltas/)
  const tabTo = async (name: string): Promise<void> => {
    for (let presses = 0; presses < 12; presses++) {
      if (await page.evaluate((name) => document.activeElement?.textContent === name, name)) return
      await page.keyboard.press('Tab')
    }
    throw new Error(`${name} is not reached by keyboard`)
  }
  await tabTo('Let go')
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle)
  expect(outline).toBe('solid')
  await page.keyboard.press('Enter')
  await waitForText(page, '#answer [data-part=notice]', /Let go/)
  // Whoever pressed a button that is now off has not lost his place.
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Let go')
  await tabTo('Resume')
  await page.keyboard.press('Space')
  await waitForText(page, '#answer [data-part=notice]', /^Complete/)
  expect(await page.textContent('#answer [data-part=output]')).toBe(server.runs[0]!.text)
  expect(server.runs).toHaveLength(1)
})

test('[F50] markup in a prompt, a message and a payload stays text', async () => {
  await using testPage = await open({ site: 'demo', server: { answers: { [HOSTILE]: HOSTILE } } })
  const { server, page } = testPage
  await ask(page, HOSTILE)
  await waitForText(page, '#answer [data-part=notice]', /^Complete/)
  expect(await page.textContent('#answer [data-part=output]')).toBe(HOSTILE)
  await page.fill('#message', HOSTILE)
  await page.click('[data-part=send]')
  server.broadcast({ type: '<img src=x onerror=globalThis.hacked=1>', data: { [HOSTILE]: HOSTILE } })
  await page.waitForFunction(() => document.querySelectorAll('#feed .events li').length >= 3)
  expect(await page.textContent('#feed .events li:nth-child(1) .type')).toBe('<img src=x onerror=globalThis.hacked=1>')
  expect(await page.textContent('#feed .events li:nth-child(2) .data')).toBe(HOSTILE)
  expect(await page.locator('main img, main script').count()).toBe(0)
  expect(await page.evaluate(() => 'hacked' in globalThis)).toBe(false)
  expect(testPage.pageErrors).toEqual([])
})

test('a feed that was closed and is opened again no longer says that it is closed', async () => {
  await using testPage = await open({ site: 'demo' })
  const { server, page } = testPage
  await expect.poll(() => server.clients.length).toBe(1)
  await page.click('#feed [data-part=toggle]')
  await waitForText(page, '#feed [data-part=notice]', /^Closed/)
  await expect.poll(() => server.clients.length).toBe(0)
  await page.click('#feed [data-part=toggle]')
  await waitForText(page, '#feed [data-part=state]', /^open$/)
  expect(await page.textContent('#feed [data-part=notice]')).toBe('')
})

test.each(['/', '/multiplex.html', '/share.html', '/script-tag.html'])(
  '%s names its pages in one piece each on a phone',
  async (path) => {
    await using testPage = await open({ site: 'demo', path, context: { viewport: { width: 375, height: 740 } } })
    const lines = await testPage.page.$$eval('nav a', (links) =>
      links.map((link) => {
        const words = document.createRange()
        words.selectNodeContents(link)
        return words.getClientRects().length
      }),
    )
    expect(lines).toEqual([1, 1, 1, 1])
  },
)

test('three runs stream at once, and all are stopped by one button', async () => {
  await using testPage = await open({ site: 'demo' })
  const { server, page } = testPage
  await page.click('#runs [data-part=start]')
  for (const number of [1, 2, 3]) await waitForText(page, `.run:nth-child(${number}) .summary`, /[2-9] deltas/)
  expect(server.runs.map(({ state }) => state)).toEqual(['running', 'running', 'running'])
  await page.click('#runs [data-part=stop]')
  for (const number of [1, 2, 3]) await waitForText(page, `.run:nth-child(${number}) .notice`, /^Stopped/)
  const texts = await page.locator('.run [data-part=output]').allTextContents()
  expect(texts).toEqual(server.runs.map(({ text }) => text))
  expect(testPage.pageErrors).toEqual([])
})

test.each(['drop', 'refuse', 'restart', 'stall'])(
  '%s: the gap is drawn, the feed comes back, nothing is lost or comes twice',
  async (fault) => {
    await using testPage = await open({ site: 'demo' })
    const { server, page } = testPage
    let count = 0
    const send = (): string =>
      server.broadcast({ type: 'price', data: { count: ++count, symbol: 'ACME', value: count } })
    const arrives = (id: string): Promise<unknown> => waitForText(page, '#feed [data-part=id]', new RegExp(`^${id}$`))
    await expect.poll(() => server.clients.length).toBe(1)
    await arrives(send())
    await page.click(`[data-fault=${fault}]`)
    await waitForText(page, '#feed .summary', /1 gap/)
    send()
    send()
    await arrives(send())
    expect(await page.textContent('#feed [data-part=lost]')).toBe('0')
    expect(await page.textContent('#feed [data-part=twice]')).toBe('0')
    expect(await page.getAttribute('#feed .gaps', 'd')).toMatch(/^M/)
    expect(await page.getAttribute('#feed .tries', 'd')).toMatch(/^M/)
  },
)

test('forget: a server without its memory is told of, rather than counted as nothing lost', async () => {
  await using testPage = await open({ site: 'demo' })
  const { server, page } = testPage
  await expect.poll(() => server.clients.length).toBe(1)
  server.broadcast({ type: 'price', data: { count: 1, symbol: 'ACME', value: 1 } })
  await waitForText(page, '#feed [data-part=lost]', /^0$/)
  await ask(page, 'to be forgotten')
  await waitForText(page, '#answer .summary', /[2-9] deltas/)
  await page.click('[data-fault=forget]')
  await waitForText(page, '#feed [data-part=notice]', /reset: unknown/)
  server.broadcast({ type: 'price', data: { count: 9, symbol: 'ACME', value: 9 } })
  await waitForText(page, '#feed [data-part=lost]', /^\?$/)
  await waitForText(page, '#answer [data-part=notice]', /\(expired\)$/)
  expect(await page.getAttribute('#answer [data-part=resume]', 'aria-disabled')).toBe('true')
})

test('an error is told in plain words, with its code', async () => {
  await using testPage = await open({ site: 'demo' })
  const { server, page } = testPage
  server.setScenario({ 'error-after': 3, 'error-code': 'overloaded', path: '/api/generate' })
  await ask(page, 'break')
  await waitForText(page, '#answer [data-part=notice]', /server: overloaded/)
  server.setScenario({ status: 403, path: '/api/generate' })
  await ask(page, 'refuse')
  await waitForText(page, '#answer [data-part=notice]', /^The server refused: Forbidden \(http 403\)\.$/)
  expect(await page.getAttribute('#answer [data-part=notice]', 'role')).toBe('status')
})

test.each(['/', '/script-tag.html'])(
  '%s fits a phone, with long words, in the dark and without motion',
  async (path) => {
    const context = {
      viewport: { width: 360, height: 640 },
      colorScheme: 'dark',
      reducedMotion: 'reduce',
      hasTouch: true,
    } as const
    await using testPage = await open({ site: 'demo', path, context })
    const { server, page } = testPage
    await expect.poll(() => server.clients.length).toBe(1)
    server.broadcast({ type: 'a-very-long-event-name-without-a-single-space', data: { text: 'x'.repeat(300) } })
    await page.fill('#prompt', 'Donaudampfschifffahrtsgesellschaft'.repeat(4))
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => document.querySelectorAll('.events li').length >= 2)
    await waitForText(page, '.answer .text', /Donaudampf/)
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
    const [red = 255] = await page.evaluate(() =>
      getComputedStyle(document.body)
        .backgroundColor.match(/[\d.]+/g)!
        .map(Number),
    )
    expect(red).toBeLessThan(64)
    expect(testPage.pageErrors).toEqual([])
  },
)
