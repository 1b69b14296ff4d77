/** fast-check with a fixed seed, so that failures are repeatable. `npm run test:long` uses a new seed each time. */
import * as fc from 'fast-check'

// Some property tests also run in browsers, where there is no `process`.
if (!globalThis.process?.env['RIVULET_LONG']) fc.configureGlobal({ seed: 20_260_101 })

export * from 'fast-check'
export { fc }
