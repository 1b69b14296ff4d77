/** Checks or writes `api/`: the public types of each entry in one file, without comments, so that reviews show API changes. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { rollup } from 'rollup'
import { dts } from 'rollup-plugin-dts'
import ts from 'typescript'
import { entries } from './entries.mjs'

const root = new URL('../', import.meta.url)
const folder = new URL('api/', root)
const write = process.argv.includes('--write')

/** Resolves with the types of one entry, bundled into one file and formatted uniformly. */
async function report(name) {
  const bundle = await rollup({
    input: fileURLToPath(new URL(`dist/${name}.d.ts`, root)),
    external: (id) => !id.startsWith('.') && !id.startsWith('/') && !/^[a-z]:/i.test(id),
    plugins: [dts({ tsconfig: fileURLToPath(new URL('mock-server/tsconfig.json', root)) })],
  })
  const { output } = await bundle.generate({ format: 'es' })
  const source = ts.createSourceFile('api.d.ts', output[0].code, ts.ScriptTarget.Latest)
  return ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed }).printFile(source)
}

for (const name of Object.keys(entries)) {
  const file = new URL(`${name}.d.ts`, folder)
  const current = await report(name)
  const recorded = existsSync(file) ? readFileSync(file, 'utf8') : ''
  if (current === recorded) continue
  if (!write) {
    console.error(
      `The public types of ${name} differ from api/${name}.d.ts: review the change, then run \`npm run check:api -- --write\``,
    )
    process.exitCode = 1
  } else {
    mkdirSync(new URL('.', file), { recursive: true })
    writeFileSync(file, current)
    console.log(`Wrote api/${name}.d.ts`)
  }
}
for (const path of readdirSync(folder, { recursive: true })) {
  const file = String(path).replaceAll('\\', '/')
  if (!file.endsWith('.d.ts') || file.replace(/\.d\.ts$/, '') in entries) continue
  if (!write) {
    console.error(`api/${file} belongs to no entry`)
    process.exitCode = 1
  } else {
    rmSync(new URL(file, folder))
  }
}
