/** Packs the package as npm would publish it, and checks the tarball with publint and arethetypeswrong. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Packs the built package into `folder` and returns the tarball's path. */
export function pack(folder) {
  const { status, stdout, stderr } = spawnSync(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', folder],
    { cwd: fileURLToPath(new URL('../', import.meta.url)), encoding: 'utf8', shell: process.platform === 'win32' },
  )
  if (status !== 0) throw new Error(`npm pack failed: ${stderr}`)
  const [{ filename }] = JSON.parse(stdout)
  return join(folder, filename)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-package-'))
  try {
    const tarball = pack(folder)
    const tools = [
      ['publint/src/cli.js', 'run', tarball, '--strict'],
      [
        '@arethetypeswrong/cli/dist/index.js',
        tarball,
        '--profile',
        'esm-only',
        '--no-definitely-typed',
        '--no-emoji',
        '--format',
        'ascii',
      ],
    ]
    for (const [tool, ...args] of tools) {
      const program = fileURLToPath(new URL(`../node_modules/${tool}`, import.meta.url))
      const { status } = spawnSync(process.execPath, [program, ...args], { stdio: ['ignore', 'inherit', 'inherit'] })
      if (status !== 0) process.exitCode = 1
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
