/** Entry `rivulet/diagnostics`: typed records of everything that happens to streams. */
export { type DiagnoseOptions, diagnose } from './diagnostics/diagnose.ts'
export type { CloseReason, Diagnostic, DiagnosticBase } from './diagnostics/diagnostic.ts'
export type { Instrument } from './request/options.ts'
