/** The inspector's panel works under a strict content security policy, by keyboard, on a phone and in dark mode, during a fault. */
import { readFileSync } from 'node:fs'
import type { BrowserContextOptions, Page } from 'playwright'
import { expect, test } from 'vitest'
import type { Run } from '../../src/client/run.ts'
import type { Subscription } from '../../src/client/subscription.ts'
import type { Inspector } from '../../src/inspector.ts'
import { type TestPage, useTestPages } from './test-page.ts'

declare global {
  /** Global of `pages/inspector.html`. */
  var inspectorPage: { inspector: Inspector; feed: Subscription; ask(prompt: string): Run }
}

const open = useTestPages()

const axe = readFileSync(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')

/** Opens the page, with an answer that is under way when the server restarts. */
async function openDuringFault(context: BrowserContextOptions, query = ''): Promise<TestPage> {
  // Playwright injects axe into the page, which the page's own policy would refuse.
  const testPage = await open({ path: `/inspector.html${query}`, server: { delay: 20, seed: 1 }, context })
  const { server, page } = testPage
  await page.getByText('open', { exact: true }).first().waitFor()
  for (const value of [101, 102, 103]) server.broadcast({ type: 'price', data: { symbol: 'ACME', value } })
  await page.evaluate(() => void inspectorPage.ask('What is a stream?'))
  await rowOf(page, 'answer').getByText('open', { exact: true }).waitFor()
  await page.waitForFunction(() => (inspectorPage.inspector.streams[1]?.events ?? 0) > 5)
  await server.kill()
  await rowOf(page, 'answer').getByText('waiting: network').waitFor()
  return testPage
}
const rowOf = (page: Page, label: string) => page.locator('li.row', { hasText: label })

test('during a fault, the rows of a feed and an answer say that they wait, and afterwards how long the gap was', async () => {
  await using testPage = await openDuringFault({})
  const { server, page } = testPage
  await rowOf(page, 'ticker').getByText('waiting: network').waitFor()
  await server.restart()
  await rowOf(page, 'answer').getByText('closed: stop').waitFor()
  await rowOf(page, 'ticker').getByText('open', { exact: true }).waitFor()
  const rows = await page.evaluate(() =>
    inspectorPage.inspector.streams.map(({ kind, retries, longestGap, errors, via }) => ({
      kind,
      isRetried: retries > 0,
      hasGap: longestGap > 0,
      errors,
      via,
    })),
  )
  expect(rows).toEqual([
    { kind: 'feed', isRetried: true, hasGap: true, errors: 0, via: 'own' },
    { kind: 'run', isRetried: true, hasGap: true, errors: 0, via: 'own' },
  ])
  expect(await rowOf(page, 'answer').locator('path.gaps').getAttribute('d')).toMatch(/^M/)
})

test('the panel is styled under a policy that allows no styles, and the page reports no violation', async () => {
  await using testPage = await open({ path: '/inspector.html' })
  const { page } = testPage
  await page.getByText('open', { exact: true }).first().waitFor()
  const position = await page.evaluate(() => getComputedStyle(document.querySelector('rivulet-inspector')!).position)
  expect(position).toBe('fixed')
  expect(testPage.pageErrors).toEqual([])
})

test('payloads are shown only with the option `payloads`', async () => {
  for (const query of ['', '?payloads']) {
    await using testPage = await open({ path: `/inspector.html${query}` })
    const { server, page } = testPage
    await page.getByText('open', { exact: true }).first().waitFor()
    server.broadcast({ type: 'price', data: { value: 'secret' } })
    await page.waitForFunction(() => (inspectorPage.inspector.streams[0]?.events ?? 0) > 1)
    await rowOf(page, 'ticker').getByRole('button').click()
    await rowOf(page, 'ticker').locator('.entries li').first().waitFor()
    expect(await page.getByText('secret').count()).toBe(query ? 1 : 0)
  }
})

test('a keyboard user can open the details of a stream and hide the panel', async () => {
  await using testPage = await open({ path: '/inspector.html' })
  const { page } = testPage
  await page.getByText('open', { exact: true }).first().waitFor()
  const focused = (): Promise<string | undefined> =>
    page.evaluate(
      () => document.querySelector('rivulet-inspector')!.shadowRoot!.activeElement?.textContent ?? undefined,
    )
  await page.keyboard.press('Tab')
  expect(await focused()).toBe('Clear ended')
  await page.keyboard.press('Tab')
  expect(await focused()).toBe('Hide')
  await page.keyboard.press('Tab')
  expect(await focused()).toContain('ticker')
  await page.keyboard.press('Enter')
  await rowOf(page, 'ticker').locator('.entries').waitFor()
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Space')
  await rowOf(page, 'ticker').waitFor({ state: 'hidden' })
  expect(await focused()).toBe('Show')
})

test.each([
  ['a laptop', { viewport: { width: 1280, height: 800 } }],
  ['a phone', { viewport: { width: 360, height: 640 }, hasTouch: true }],
  ['dark mode', { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' }],
  ['a phone in dark mode', { viewport: { width: 360, height: 640 }, colorScheme: 'dark' }],
] satisfies [string, BrowserContextOptions][])(
  'on %s, the panel fits, and has no accessibility violations, during a fault',
  async (_name, context) => {
    await using testPage = await openDuringFault({ ...context, bypassCSP: true }, '?payloads')
    const { page } = testPage
    await rowOf(page, 'ticker').getByRole('button').click()
    await page.evaluate(axe)
    const violations = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as { axe: typeof import('axe-core') }
      const results = await axe.run()
      return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`)
    })
    expect(violations).toEqual([])
    const overflow = await page.evaluate(() => {
      const { shadowRoot } = document.querySelector('rivulet-inspector')!
      const body = shadowRoot!.querySelector('.body')!
      return [document.documentElement.scrollWidth - innerWidth, body.scrollWidth - body.clientWidth]
    })
    expect(overflow).toEqual([0, 0])
  },
)
