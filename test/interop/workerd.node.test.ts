/** The client in workerd, with compatibility dates under which its `fetch` differs from the standard. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { installProject } from './install-project.ts'
import { buildProgram } from './platforms/build-program.ts'
import { registerPlatformCases } from './platforms/cases.ts'
import { startPlatformServer } from './platforms/server.ts'

/** The dates in `projects/workerd/config.capnp`, and what workerd does under each. */
const dates = {
  '2024-09-01': { hasCacheOption: false, keepsAuthorization: true },
  '2025-01-01': { hasCacheOption: true, keepsAuthorization: true },
  '2026-11-17': { hasCacheOption: true, keepsAuthorization: false },
}
const newestDate = '2026-11-17'

let supportedDate: string
let workerd: ChildProcess | undefined
/** Base URL of the worker of each date. */
const workers = new Map<string, string>()
beforeAll(async () => {
  const folder = installProject('workerd')
  const load = createRequire(join(folder, 'package.json'))
  const { default: binary, compatibilityDate } = load('workerd') as { default: string; compatibilityDate: string }
  supportedDate = compatibilityDate
  const cache = join(folder, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  writeFileSync(join(cache, 'program.js'), await buildProgram('esm'))
  workerd = spawn(binary, ['serve', '--control-fd=3', join(folder, 'config.capnp')], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  })
  for await (const line of createInterface(workerd.stdio[3] as Readable)) {
    const { socket, port } = JSON.parse(line) as { socket: string; port: number }
    workers.set(socket, `http://127.0.0.1:${port}`)
    if (workers.size === Object.keys(dates).length) break
  }
}, 300_000)
// After SIGTERM, workerd would wait for requests that a failed test has left open.
afterAll(() => void workerd?.kill('SIGKILL'))

async function call(date: string, name: string, url: string): Promise<unknown> {
  const response = await fetch(`${workers.get(date)}/${name}?url=${encodeURIComponent(url)}`)
  return response.json()
}

test('the last date is the newest that this version of workerd supports', () => {
  expect(newestDate).toBe(supportedDate)
})

describe.each(Object.entries(dates))('workerd as of %s', (date, { hasCacheOption, keepsAuthorization }) => {
  test('it differs from the standard as these tests expect', async () => {
    const server = await startPlatformServer()
    const differences = await call(date, 'findDifferences', server.url)
    expect(differences).toEqual({ hasCacheOption, callsHandlers: true, hasLocation: false })
    expect(server.foreign.map(({ authorization }) => authorization)).toEqual([
      keepsAuthorization ? 'SECRET' : undefined,
    ])
  })

  registerPlatformCases((name, url) => call(date, name, url))
})
