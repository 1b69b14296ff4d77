/** The package through users' bundlers, and by script tag: what comes out runs in a real page. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build as esbuild } from 'esbuild'
import { build as vite } from 'vite'
import { describe, expect, inject, test } from 'vitest'
import { answer, openPage } from './page.ts'

const { folder } = inject('consumer')

/** What the page of `app` and of `script-tag` says of itself, once it has read its two streams. */
async function readTitle(site: string): Promise<unknown> {
  await using opened = await openPage(site)
  await opened.page.waitForFunction(() => document.title !== 'waiting')
  return JSON.parse(await opened.page.title())
}

const bothStreams = { connected: expect.stringMatching(/^[\da-f-]{36}$/), text: answer }

test('Vite', async () => {
  const outDir = join(folder, 'out/vite')
  await vite({ root: join(folder, 'app'), logLevel: 'warn', configFile: false, build: { outDir, emptyOutDir: true } })
  expect(await readTitle(outDir)).toEqual(bothStreams)
})

test('esbuild', async () => {
  const outdir = join(folder, 'out/esbuild')
  const { warnings } = await esbuild({
    entryPoints: [join(folder, 'app/main.ts')],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    outdir,
  })
  expect(warnings).toEqual([])
  writeFileSync(
    join(outdir, 'index.html'),
    readFileSync(join(folder, 'app/index.html'), 'utf8').replace('main.ts', 'main.js'),
  )
  expect(await readTitle(outdir)).toEqual(bothStreams)
})

test('script tag', async () => {
  const site = join(folder, 'out/script-tag')
  mkdirSync(site, { recursive: true })
  copyFileSync(join(folder, 'script-tag/index.html'), join(site, 'index.html'))
  for (const file of ['rivulet.global.min.js', 'rivulet.global.min.js.map']) {
    copyFileSync(join(folder, 'node_modules/rivulet/dist', file), join(site, file))
  }
  expect(await readTitle(site)).toEqual(bothStreams)
})

describe('what is not imported is not in the bundle', () => {
  const bundle = async (contents: string): Promise<Uint8Array> => {
    const { outputFiles } = await esbuild({
      stdin: { contents, resolveDir: folder },
      bundle: true,
      minify: true,
      format: 'esm',
      write: false,
      // It warns of an import for nothing, which is the point here.
      logLevel: 'error',
    })
    return outputFiles[0]!.contents
  }

  test('an import for nothing leaves nothing', async () => {
    expect(await bundle(`import 'rivulet'\nimport 'rivulet/openai'\nimport 'rivulet/mock'`)).toHaveLength(0)
  })

  test('isStreamError alone is less than 0.6 kB', async () => {
    const code = await bundle(`export { isStreamError } from 'rivulet'`)
    expect(gzipSync(code, { level: 9 }).byteLength).toBeLessThan(600)
  })

  test('all entries share one StreamError', async () => {
    const code = await bundle(
      `export { createClient } from 'rivulet'\nexport * from 'rivulet/openai'\nexport * from 'rivulet/mock'`,
    )
    expect(new TextDecoder().decode(code).match(/Symbol\.for\(["'`]rivulet\.StreamError["'`]\)/g)).toHaveLength(1)
  })
})
