/** What a page or a worker runs: bundled into one file, it makes `runStandard` a global there. */
import { type Realm, type Servers, runCases } from './case.ts'
import { cases } from './cases.ts'

declare global {
  /** The script-tag file. */
  var RivuletEventSource: typeof import('../../../src/event-source.ts')
  var runStandard: (
    realm: Realm,
    implementation: 'native' | 'ours',
    servers: Servers,
  ) => Promise<Record<string, string>>
}

globalThis.runStandard = (realm, implementation, servers) =>
  runCases(
    cases,
    realm,
    implementation === 'ours' ? globalThis.RivuletEventSource.EventSource : globalThis.EventSource,
    servers,
  )
