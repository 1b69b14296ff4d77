/** `examples/deno.ts` in Deno. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { beforeAll } from 'vitest'
import { installProject } from './install-project.ts'
import { registerExampleCases } from '../examples/example-cases.ts'

let command: string
beforeAll(() => {
  const load = createRequire(join(installProject('deno'), 'package.json'))
  const { runInstall } = load('deno/install_api.cjs') as { runInstall(): string }
  command = runInstall()
}, 300_000)

registerExampleCases('deno', () => ({ command, args: ['run', '--allow-net', '--allow-env', '--no-lock'] }))
