/** The script for a page or worker, bundled into one file: defines the global `runStandard`. */
import { type Realm, type Servers, runCases } from './case.ts'
import { cases } from './cases.ts'

declare global {
  /** Defined by the script-tag build. */
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
