/** Entry `rivulet/diagnostics`: typed records of what streams do. */
export { type Diagnostic, type DiagnosticBase, diagnose } from './diagnostics/diagnose.ts'
export type { Instrument } from './request/options.ts'
