/** React's strict mode mounts every component twice; a stream closed immediately must not reach the server. */
import { join } from 'node:path'
import { build } from 'esbuild'
import { expect, inject, test } from 'vitest'
import { openPage } from './page.ts'

test('a component mounted twice by strict mode sends one request', async () => {
  const site = join(inject('consumer').folder, 'react')
  await build({
    entryPoints: [join(site, 'main.js')],
    bundle: true,
    // Only the development build of React mounts twice.
    define: { 'process.env.NODE_ENV': '"development"' },
    outfile: join(site, 'bundle.js'),
  })
  const requests: string[] = []
  await using opened = await openPage(site, (page) => {
    page.on('request', (request) => requests.push(new URL(request.url()).pathname))
  })
  await opened.page.waitForFunction(() => document.getElementById('state')?.textContent === 'connected')
  expect(await opened.page.evaluate('window.effects')).toBe(2)
  expect(requests.filter((path) => path === '/api/stream')).toHaveLength(1)
})
