/** The demo's script-tag page: one file, one global, a feed and a run. */
import { expect, test } from 'vitest'
import { useTestPages } from './test-page.ts'

const open = useTestPages()

test('the global `Rivulet` has exactly the exports of the module', async () => {
  await using modulePage = await open()
  await using testPage = await open({ site: 'demo', path: '/script-tag.html' })
  const names = (): string[] => Object.keys(Rivulet).toSorted()
  const exported = await modulePage.page.evaluate(names)
  expect(exported).toContain('createClient')
  expect(await testPage.page.evaluate(names)).toEqual(exported)
})

test('the script-tag page reads a feed across a server restart, and streams an answer that can be stopped', async () => {
  await using testPage = await open({ site: 'demo', path: '/script-tag.html' })
  const { server, page } = testPage
  await expect.poll(() => server.clients.length).toBe(1)
  server.broadcast({ type: 'note', data: { text: 'before' } })
  await page.getByText('before').waitFor()
  await server.kill()
  await page.getByText(/^waiting/).waitFor()
  const id = server.broadcast({ type: 'note', data: { text: 'meanwhile' } })
  await server.restart()
  await page.getByText('meanwhile').waitFor()
  expect(await page.textContent('#feed-id')).toBe(id)

  await page.fill('#prompt', '你好')
  await page.keyboard.press('Enter')
  await page.getByText('Complete.').waitFor()
  expect(await page.textContent('#answer')).toBe(server.runs[0]!.text)
  server.setScenario({ delay: 200, path: '/api/generate' })
  await page.fill('#prompt', '再见')
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.getElementById('answer')!.textContent.length > 2)
  await page.click('#stop')
  await page.getByText('Stopped, also on the server.').waitFor()
  expect(await page.textContent('#answer')).toBe(server.runs[1]!.text)
})
