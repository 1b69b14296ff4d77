/** Global setup: packs the built package and installs it into an empty project, once for all package tests. */
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'
import { pack } from '../../scripts/check-package.mjs'

declare module 'vitest' {
  export interface ProvidedContext {
    consumer: {
      /** Path of the project that has the package installed. */
      folder: string
      /** Names of the folders that `npm install` created in its `node_modules`. */
      installed: string[]
    }
  }
}

/** Other packages that the test projects use: linked from the repository, so that these tests need no network. */
const linkedPackages = ['@types/node', 'msw', 'react', 'react-dom']

export default function setup(project: TestProject): () => void {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  if (!existsSync(join(root, 'dist/index.js'))) throw new Error('The package is not built; run `npm run build` first')

  // Use the real path: bundlers report real paths, and on some systems the temporary folder is a symbolic link.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'rivulet-consumer-')))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  execFileSync('npm', ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', pack(folder)], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  })
  const installed = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'))

  for (const name of linkedPackages) {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), link, 'junction')
  }
  cpSync(join(root, 'test/package/projects'), folder, { recursive: true })

  project.provide('consumer', { folder, installed })
  return () => rmSync(folder, { recursive: true })
}
