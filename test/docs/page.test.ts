/** Each page in the documents works in Chromium, with the built files in place of the CDN's. */
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright'
import { expect, test } from 'vitest'
import { startMockServer } from '../../mock-server/node/mock-server.ts'
import { browserArgs, findBrowser } from '../../scripts/browser.mjs'
import { blocks, patternOf, expectedOutputOf, root } from './markdown.ts'

/** Pages to run. Pages marked `types` need a server of their own, and have a test of their own. */
const pages = blocks.filter(({ language, flags }) => language === 'html' && !flags.includes('types'))
const executablePath: string | undefined = findBrowser()
// On CI a missing browser is a failure, not a skipped test.
const missing = !executablePath && !process.env['CI'] && !existsSync(chromium.executablePath())

test('the documents, including the README, contain HTML pages', () => {
  expect(pages.length).toBeGreaterThan(0)
  expect(pages.map(({ document }) => document)).toContain('README.md')
})

test.skipIf(missing).each(pages)(
  `$name: the page prints the documented output${missing ? ' (skipped: no browser found)' : ''}`,
  { timeout: 60_000 },
  async (block) => {
    const folder = mkdtempSync(join(tmpdir(), 'rivulet-page-'))
    const file = join(root, 'dist/rivulet.global.min.js')
    const integrity = `sha384-${createHash('sha384').update(readFileSync(file)).digest('base64')}`
    await using server = await startMockServer({
      tick: 50,
      delay: 1,
      folders: { '/': folder, '/dist/': join(root, 'dist') },
    })
    const html = block.code
      .replace(/https:\/\/unpkg\.com\/rivulet@[\d.]+\/dist/g, `${server.url}/dist`)
      .replaceAll('https://unpkg.com', server.url)
      .replaceAll('http://localhost:3000', server.url)
      .replaceAll('sha384-…', integrity)
    writeFileSync(join(folder, 'index.html'), html)
    const browser = await chromium.launch({ args: browserArgs, ...(executablePath && { executablePath }) })
    try {
      const page = await browser.newPage()
      const expected = expectedOutputOf(block.code)
      expect(expected.length, 'documented output').toBeGreaterThan(0)
      const printed: string[] = []
      const errors: unknown[] = []
      const done = new Promise<void>((resolve) => {
        page.on('pageerror', (error) => resolve(void errors.push(error)))
        page.on('console', (message) => {
          // The browser requests an icon that no snippet provides.
          if (message.location().url.endsWith('/favicon.ico')) return
          if (printed.push(message.text()) >= expected.length) resolve()
        })
      })
      await page.goto(server.url)
      await done
      expect(errors).toEqual([])
      expect(printed.join('\n')).toMatch(new RegExp(`^${patternOf(expected.join('\n'))}$`))
    } finally {
      await browser.close()
      rmSync(folder, { recursive: true })
    }
  },
)
