/** Each TypeScript snippet in the documents runs against a mock server and prints exactly the documented output. */
import { spawn } from 'node:child_process'
import ts from 'typescript'
import { afterAll, expect, test } from 'vitest'
import { startMockServer } from '../../mock-server/node/mock-server.ts'
import { createDocsProject, fileNameOf, programOf } from './docs-project.ts'
import { blocks, patternOf, expectedOutputOf } from './markdown.ts'

/**
 * Snippets to run. Snippets marked `types` are only compiled, because they need a page, a framework or a specific
 * server; snippets marked `vitest` are test files.
 */
const programs = blocks.filter(
  ({ language, flags }) => /^[tj]s$/.test(language) && !flags.includes('types') && !flags.includes('vitest'),
)
const testFiles = blocks.filter(({ flags }) => flags.includes('vitest'))

const project = createDocsProject()
afterAll(() => project.remove())

/** Runs Node with `args` in the reader's project; resolves with the exit code and the output. */
function run(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: project.folder, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (bytes) => (stdout += bytes))
    child.stderr.on('data', (bytes) => (stderr += bytes))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
}

/** Returns the program as JavaScript, with the URL of the running server in place of the documented one. */
function executable(source: string, url: string): string {
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true }
  return ts.transpileModule(source, { compilerOptions }).outputText.replaceAll('http://localhost:3000', url)
}

test.each(programs)('$name: the snippet prints the documented output', { timeout: 60_000 }, async (block) => {
  const auth = block.flags.includes('jwt') ? 'jwt' : block.flags.includes('apikey') ? 'apikey' : 'none'
  await using server = await startMockServer({ auth, tick: 5, delay: 1 })
  const { text } = programOf(block)
  const { code, stdout, stderr } = await run(project.write(fileNameOf(block, 'mjs'), executable(text, server.url)))
  expect(stderr).toBe('')
  const expected = expectedOutputOf(text)
  if (expected.length > 0) expect(stdout.trimEnd()).toMatch(new RegExp(`^${patternOf(expected.join('\n'))}$`))
  else expect(stdout).toBe('')
  expect(code).toBe(0)
})

test('the test files in the documents pass', { timeout: 120_000 }, async () => {
  expect(testFiles.length).toBeGreaterThan(0)
  for (const block of testFiles) project.write(fileNameOf(block, 'test.ts'), programOf(block).text)
  const { code, stdout, stderr } = await run(
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=json',
    '--root',
    project.folder,
  )
  const { numPassedTests, numFailedTests } = JSON.parse(stdout)
  expect({ code, numFailedTests }, stderr + stdout).toEqual({ code: 0, numFailedTests: 0 })
  expect(numPassedTests).toBeGreaterThanOrEqual(testFiles.length)
})
