/** Entry `rivulet/diagnostics`: typed records of everything that happens to streams. */
export { type Diagnostic, type DiagnosticBase, diagnose } from './diagnostics/diagnose.ts'
export type { Instrument } from './request/options.ts'
