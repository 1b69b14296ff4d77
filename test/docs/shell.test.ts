/** Each documented `curl` snippet prints the documented output, and each documented command line is accepted. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parseArguments } from '../../mock-server/cli/parse-arguments.ts'
import { startMockServer } from '../../mock-server/node/mock-server.ts'
import { type Block, blocks, patternOf, root } from './markdown.ts'

const shell = blocks.filter(({ language }) => language === 'sh')
const withCurl = shell.filter(({ code }) => code.includes('curl'))
const lines = shell.flatMap((block) => block.code.split('\n').map((line) => ({ name: block.name, line: line.trim() })))
const hasCurl = spawnSync('curl', ['--version']).status === 0
const skipReason = hasCurl ? '' : ' (skipped: curl is not installed)'

/** Runs a snippet until it exits or its output matches `expected`; a match kills it, because streams are endless. */
function runUntilMatch({ code }: Block, url: string, expected: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', code.replaceAll('http://localhost:3000', url)], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let printed = ''
    child.stdout.on('data', (bytes) => {
      printed += bytes
      if (!expected.test(printed)) return
      child.stdout.removeAllListeners('data')
      // Kill the whole process group: killing only the shell would leave its child, curl, running.
      if (child.exitCode === null) process.kill(-child.pid!)
    })
    child.once('error', reject)
    child.once('close', () => resolve(printed))
  })
}

test.skipIf(!hasCurl).each(withCurl)(
  `$name: the snippet prints the documented output${skipReason}`,
  { timeout: 30_000 },
  async (block) => {
    const auth = block.flags.includes('jwt') ? 'jwt' : block.flags.includes('apikey') ? 'apikey' : 'none'
    await using server = await startMockServer({ auth, tick: 20, delay: 1 })
    expect(block.output, 'documented output').toBeDefined()
    const expected = new RegExp(`^${patternOf(block.output!.trimEnd())}`)
    expect(await runUntilMatch(block, server.url, expected)).toMatch(expected)
  },
)

/** A folder with the files that the documented commands expect. */
const files = mkdtempSync(join(tmpdir(), 'rivulet-files-'))
writeFileSync(join(files, 'answers.json'), '{"*":"Hello."}')
writeFileSync(join(files, 'faults.json'), '[{"reset-after":5}]')
writeFileSync(join(files, 'answer.txt'), 'data: 1\n\n')
const response = { method: 'GET', path: '/', status: 200, headers: {}, body: '' }
writeFileSync(join(files, 'chat.json'), JSON.stringify({ recording: 1, responses: [response] }))
afterAll(() => rmSync(files, { recursive: true }))

test.each(lines.filter(({ line }) => line.startsWith('npx rivulet')))(
  '$name: the command line parser accepts `$line`',
  ({ line }) => {
    const words = line
      .split(/\s+/)
      .slice(2)
      .map((word) => word.replace(/[\w.-]+\.(json|txt)$/, (file) => join(files, file)))
    const command = words.includes('--help') ? 'help' : words.includes('--record') ? 'record' : 'mock'
    expect(parseArguments(words).command).toBe(command)
  },
)

test.each(lines.filter(({ line }) => /^npm (run|test|start)/.test(line)))(
  '$name: package.json has a script for `$line`',
  ({ line }) => {
    const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
    expect(Object.keys(scripts)).toContain(line.replace(/^npm (run )?/, '').split(' ')[0])
  },
)
