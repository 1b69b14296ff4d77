/** A mock that is not closed keeps the process alive only while a run is being read. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'rivulet-alive-'))
const entries = { mock: 'mock.ts', server: 'index.ts' }
const entryPoints = Object.entries(entries).map(([out, file]) => ({
  out,
  in: fileURLToPath(new URL(`../../../mock-server/${file}`, import.meta.url)),
}))
beforeAll(() =>
  build({
    entryPoints,
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
  }),
)
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs a program, waits until it exits by itself, and returns its output. */
async function run(name: string, program: string): Promise<string> {
  const file = join(folder, `${name}.mjs`)
  writeFileSync(file, program)
  const { stdout } = await promisify(execFile)(process.execPath, [file])
  return stdout.trim()
}

const inProcess = `import { createMock } from './mock.mjs'
const read = async (mock, path, init) => (await mock.fetch(path, init)).body.getReader()\n`

describe('a process exits even if the mock is not closed', { timeout: 20_000 }, () => {
  test.each([
    ['finished', `const mock = createMock(); await (await mock.fetch('/api/generate?prompt=x')).text()`],
    [
      'detached',
      `const reader = await read(createMock({ delay: 50_000 }), '/api/generate?prompt=x'); await reader.read(); await reader.cancel()`,
    ],
    ['feed', `const reader = await read(createMock(), '/api/stream'); await reader.read(); reader.read()`],
    [
      'cancelled',
      `const mock = createMock(); await mock.fetch('/api/generate', { method: 'DELETE', headers: { 'idempotency-key': 'k' } })`,
    ],
    ['channel', `const reader = await read(createMock(), '/api/channel'); await reader.read(); reader.read()`],
  ])('an in-process mock does not keep the process alive: %s', async (name, program) => {
    expect(await run(name, `${inProcess}${program}\nconsole.log('done')`)).toBe('done')
  })

  test('a killed server with a ticker and a kept run does not keep the process alive', async () => {
    const program = `import { startMockServer } from './server.mjs'
const server = await startMockServer({ tick: 50_000, delay: 0 })
await (await fetch(server.url + '/api/generate?prompt=x')).text()
await server.kill()
console.log('done')`
    expect(await run('killed', program)).toBe('done')
  })
})

test('a run that is being read keeps the process alive', { timeout: 20_000 }, async () => {
  const program = `const mock = createMock({ answers: ['abc'], delay: 20 })
const text = await (await mock.fetch('/api/generate?prompt=x')).text()
console.log(text.includes('event: end'))`
  expect(await run('awaited', inProcess + program)).toBe('true')
})
