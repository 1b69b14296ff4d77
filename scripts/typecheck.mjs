/** Type-checks each folder with its own settings, two at a time. */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'

// Not node_modules/.bin/tsc, which may belong to the older TypeScript that the package tests use.
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')

/** Resolves with whether the folder compiles. */
const check = (project) =>
  new Promise((resolve) => {
    const compiler = spawn(process.execPath, [tsc, '--project', project], { stdio: 'inherit' })
    compiler.on('close', (code) => resolve(code === 0))
  })

// The tests, which take as long as all others together, come first.
const projects = ['test', 'src', 'server', 'mock-server', 'examples', 'scripts']
const checkNext = async () => {
  for (let project = projects.shift(); project; project = projects.shift()) {
    if (!(await check(project))) process.exitCode = 1
  }
}
await Promise.all([checkNext(), checkNext()])
