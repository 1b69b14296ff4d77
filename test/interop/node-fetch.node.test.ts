/** The client with the `fetch` of node-fetch, whose bodies are streams of Node. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { trapUnhandled } from '../support/unhandled.ts'
import { installProject } from './install-project.ts'
import { registerPlatformCases } from './platforms/cases.ts'
import { program } from './platforms/program.ts'
import { startPlatformServer } from './platforms/server.ts'

trapUnhandled()

let require: NodeJS.Require
beforeAll(() => {
  require = createRequire(join(installProject('node-fetch'), 'package.json'))
}, 300_000)

const load = (name: string) => (require(name) as { default: typeof fetch }).default

describe.each([
  ['node-fetch 3', 'node-fetch'],
  ['node-fetch 2', 'node-fetch-2'],
])('%s', (_title, name) => {
  test('its responses have a stream of Node', async () => {
    const { url } = await startPlatformServer()
    const { body } = await load(name)(`${url}/refused`)
    expect(body).not.toHaveProperty('getReader')
    expect(body).toHaveProperty('pipe')
  })

  registerPlatformCases((operation, url) => program[operation](url, load(name)))
})
