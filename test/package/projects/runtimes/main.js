/** Runs the checks in Node, Deno or Bun, with the servers that the arguments name, and prints the results. */
import { runChecks } from './smoke.js'

console.log(JSON.stringify(await runChecks(process.argv.slice(2))))
process.exit(0)
