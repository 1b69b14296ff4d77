/** The package works in a real page, as a Vite or esbuild bundle or a script tag, and bundlers drop unused exports. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build as esbuild } from 'esbuild'
import { build as vite } from 'vite'
import { describe, expect, inject, test } from 'vitest'
import { answer, openPage } from './page.ts'

const { folder } = inject('consumer')

/** Opens a built page of `app` or `script-tag`; resolves with the page's title, which contains the results of both streams. */
async function readTitle(site: string): Promise<unknown> {
  await using opened = await openPage(site)
  await opened.page.waitForFunction(() => document.title !== 'waiting')
  return JSON.parse(await opened.page.title())
}

const expectedTitle = { connected: expect.stringMatching(/^[\da-f-]{36}$/), text: answer }

test('a page bundled by Vite reads a feed and a run', async () => {
  const outDir = join(folder, 'out/vite')
  await vite({ root: join(folder, 'app'), logLevel: 'warn', configFile: false, build: { outDir, emptyOutDir: true } })
  expect(await readTitle(outDir)).toEqual(expectedTitle)
})

test('a page bundled by esbuild reads a feed and a run', async () => {
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
  expect(await readTitle(outdir)).toEqual(expectedTitle)
})

test('a page with a script tag reads a feed and a run', async () => {
  const site = join(folder, 'out/script-tag')
  mkdirSync(site, { recursive: true })
  copyFileSync(join(folder, 'script-tag/index.html'), join(site, 'index.html'))
  for (const file of ['rivulet.global.min.js', 'rivulet.global.min.js.map']) {
    copyFileSync(join(folder, 'node_modules/rivulet/dist', file), join(site, file))
  }
  expect(await readTitle(site)).toEqual(expectedTitle)
})

describe('tree shaking', () => {
  const bundle = async (contents: string): Promise<Uint8Array> => {
    const { outputFiles } = await esbuild({
      stdin: { contents, resolveDir: folder },
      bundle: true,
      minify: true,
      format: 'esm',
      write: false,
      // Suppresses the warning about ignored imports, which are intended here.
      logLevel: 'error',
    })
    return outputFiles[0]!.contents
  }

  test('a bundle is empty if it imports entries without using any of their exports', async () => {
    expect(await bundle(`import 'rivulet'\nimport 'rivulet/openai'\nimport 'rivulet/mock'`)).toHaveLength(0)
  })

  test('a bundle of isStreamError is smaller than 0.6 kB', async () => {
    const code = await bundle(`export { isStreamError } from 'rivulet'`)
    expect(gzipSync(code, { level: 9 }).byteLength).toBeLessThan(600)
  })

  test('a bundle of several entries contains StreamError only once', async () => {
    const code = await bundle(
      `export { createClient } from 'rivulet'\nexport * from 'rivulet/openai'\nexport * from 'rivulet/mock'`,
    )
    expect(new TextDecoder().decode(code).match(/Symbol\.for\(["'`]rivulet\.StreamError["'`]\)/g)).toHaveLength(1)
  })
})
