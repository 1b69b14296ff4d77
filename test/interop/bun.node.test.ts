/** `examples/bun.ts` in Bun. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll } from 'vitest'
import { registerExampleCases } from '../examples/example-cases.ts'
import { installProject } from './install-project.ts'

let command: string
beforeAll(() => {
  // The program is in the package of this platform; without install scripts, nothing links it into the package `bun`.
  const packages = join(installProject('bun'), 'node_modules/@oven')
  command = join(packages, readdirSync(packages)[0]!, 'bin', process.platform === 'win32' ? 'bun.exe' : 'bun')
}, 300_000)

registerExampleCases('bun', () => ({ command, args: [] }))
