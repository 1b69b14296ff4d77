/** The demo pages load without errors, work by keyboard, fit a phone, and show streamed markup as text. */
import type { Page } from 'playwright'
import { expect, test } from 'vitest'
import { useTestPages } from './test-page.ts'

const open = useTestPages()

const HOSTILE = '<img src=x onerror="globalThis.hacked=1"><script>globalThis.hacked=1</script>'

const ask = async (page: Page, prompt: string): Promise<void> => {
  await page.fill('#prompt', prompt)
  await page.click('#answer [data-part=ask]')
}
/** Waits until the text of the selected element matches the pattern. */
const waitForText = (page: Page, selector: string, pattern: RegExp): Promise<unknown> =>
  page.waitForFunction(
    ([selector, source]) => new RegExp(source).test(document.querySelector(selector)?.textContent ?? ''),
    [selector, pattern.source] as const,
  )

test.each(['/', '/script-tag.html'])(
  'demo page %s loads without errors, CSP violations or failed requests',
  async (path) => {
    await using testPage = await open({ site: 'demo', path })
    await expect.poll(() => testPage.server.clients.length).toBe(1)
    await testPage.page.getByText('open', { exact: true }).first().waitFor()
    expect(await testPage.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
    expect(testPage.pageErrors).toEqual([])
  },
)

test('a keyboard user can request, detach and resume an answer, which then matches the server’s text', async () => {
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
    throw new Error(`${name} cannot be reached with the keyboard`)
  }
  await tabTo('Detach')
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle)
  expect(outline).toBe('solid')
  await page.keyboard.press('Enter')
  await waitForText(page, '#answer [data-part=notice]', /^Detached/)
  // The button that was pressed is now disabled, but keeps focus.
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Detach')
  await tabTo('Resume')
  await page.keyboard.press('Space')
  await waitForText(page, '#answer [data-part=notice]', /^Complete/)
  expect(await page.textContent('#answer [data-part=output]')).toBe(server.runs[0]!.text)
  expect(server.runs).toHaveLength(1)
})

test('[F50] markup in a prompt, a message and a payload is shown as text', async () => {
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

test('reopening a closed feed clears the notice', async () => {
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

test.each(['/', '/multiplex.html', '/share.html', '/processes.html', '/vendors.html', '/script-tag.html'])(
  'navigation links of demo page %s do not wrap on a phone',
  async (path) => {
    await using testPage = await open({ site: 'demo', path, context: { viewport: { width: 375, height: 740 } } })
    const lines = await testPage.page.$$eval('nav a', (links) =>
      links.map((link) => {
        const words = document.createRange()
        words.selectNodeContents(link)
        return words.getClientRects().length
      }),
    )
    expect(lines).toEqual([1, 1, 1, 1, 1, 1])
  },
)

test('three runs stream concurrently, and one button stops all of them', async () => {
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
  'after the fault "%s", the timeline shows a gap, and the feed reconnects without lost or duplicate events',
  async (fault) => {
    await using testPage = await open({ site: 'demo' })
    const { server, page } = testPage
    let count = 0
    const send = (): string =>
      server.broadcast({ type: 'price', data: { count: ++count, symbol: 'ACME', value: count } })
    const waitForId = (id: string): Promise<unknown> => waitForText(page, '#feed [data-part=id]', new RegExp(`^${id}$`))
    await expect.poll(() => server.clients.length).toBe(1)
    await waitForId(send())
    await page.click(`[data-fault=${fault}]`)
    await waitForText(page, '#feed .summary', /1 gap/)
    send()
    send()
    await waitForId(send())
    expect(await page.textContent('#feed [data-part=lost]')).toBe('0')
    expect(await page.textContent('#feed [data-part=duplicates]')).toBe('0')
    expect(await page.getAttribute('#feed .gaps', 'd')).toMatch(/^M/)
    expect(await page.getAttribute('#feed .tries', 'd')).toMatch(/^M/)
  },
)

test('after the fault "forget", the feed reports a reset instead of zero lost events', async () => {
  await using testPage = await open({ site: 'demo' })
  const { server, page } = testPage
  await expect.poll(() => server.clients.length).toBe(1)
  server.broadcast({ type: 'price', data: { count: 1, symbol: 'ACME', value: 1 } })
  await waitForText(page, '#feed [data-part=lost]', /^0$/)
  await ask(page, 'forget this')
  await waitForText(page, '#answer .summary', /[2-9] deltas/)
  await page.click('[data-fault=forget]')
  await waitForText(page, '#feed [data-part=notice]', /reset: unknown/)
  server.broadcast({ type: 'price', data: { count: 9, symbol: 'ACME', value: 9 } })
  await waitForText(page, '#feed [data-part=lost]', /^\?$/)
  await waitForText(page, '#answer [data-part=notice]', /\(expired\)$/)
  expect(await page.getAttribute('#answer [data-part=resume]', 'aria-disabled')).toBe('true')
})

test('the notice of a failed answer describes the error in plain words and shows the code', async () => {
  await using testPage = await open({ site: 'demo' })
  const { server, page } = testPage
  server.setScenario({ 'error-after': 3, 'error-code': 'overloaded', path: '/api/generate' })
  await ask(page, 'break')
  await waitForText(page, '#answer [data-part=notice]', /server: overloaded/)
  server.setScenario({ status: 403, path: '/api/generate' })
  await ask(page, 'refuse')
  await waitForText(page, '#answer [data-part=notice]', /^The server refused the request: Forbidden \(http 403\)\.$/)
  expect(await page.getAttribute('#answer [data-part=notice]', 'role')).toBe('status')
})

test.each(['/', '/script-tag.html'])(
  'demo page %s fits a phone with long words, in dark mode and with reduced motion',
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

test('the notices of a fault and of a reconnected feed disappear after some seconds', async () => {
  await using testPage = await open({ site: 'demo' })
  const { server, page } = testPage
  await page.clock.install()
  await page.reload()
  await expect.poll(() => server.clients.length).toBe(1)
  await page.click('[data-fault=drop]')
  await waitForText(page, '#faults [data-part=notice]', /^Every connection was reset/)
  await waitForText(page, '#feed [data-part=notice]', /^Reconnected/)
  await page.clock.fastForward(10_000)
  await waitForText(page, '#faults [data-part=notice]', /^$/)
  await waitForText(page, '#feed [data-part=notice]', /^$/)
})

test('the line of a feed that is older than its timeline begins at the left edge', async () => {
  await using testPage = await open({ site: 'demo' })
  const { server, page } = testPage
  await page.clock.install()
  await page.reload()
  await expect.poll(() => server.clients.length).toBe(1)
  await waitForText(page, '#feed [data-part=state]', /^open$/)
  await page.clock.fastForward(60_000)
  await page.clock.runFor(100)
  const { left, starts } = await page.$eval('#feed .picture', (picture) => {
    const numbersIn = (text: string | null | undefined, pattern: RegExp): number[] =>
      Array.from(text?.matchAll(pattern) ?? [], ([, number]) => Number(number))
    const paths = Array.from(picture.querySelectorAll('.line, .gaps'), (path) => path.getAttribute('d')).join('')
    return { left: parseFloat(picture.getAttribute('viewBox')!), starts: numbersIn(paths, /M(-?\d+)/g) }
  })
  expect(starts.length).toBeGreaterThan(0)
  expect(Math.min(...starts)).toBeGreaterThanOrEqual(left)
})

test('the fault buttons cover at most a tenth of a phone while there is nothing to report', async () => {
  await using testPage = await open({ site: 'demo', context: { viewport: { width: 360, height: 640 } } })
  const box = await testPage.page.locator('#faults').boundingBox()
  expect(box!.height).toBeLessThanOrEqual(64)
})
