/** Reports stream activity as typed records, for logs, metrics and devtools. */
import { callSafely } from '../base/report-error.ts'
import type { Instrument } from '../request/options.ts'
import type { Diagnostic } from './diagnostic.ts'
import { createTranslator } from './translate.ts'

/** Options for `diagnose`. */
export interface DiagnoseOptions {
  /** Whether `event` records contain the data of the events, which may be confidential. @defaultValue false */
  readonly payloads?: boolean
}

/**
 * Creates a value for the `instrument` option that calls `onDiagnostic` with each record.
 * An error that `onDiagnostic` throws is reported and does not affect the stream.
 *
 * @example createClient({ instrument: diagnose((record) => console.debug(record)) })
 */
export function diagnose(
  onDiagnostic: (record: Diagnostic) => void,
  { payloads = false }: DiagnoseOptions = {},
): Instrument {
  let streamCount = 0
  return (name) => {
    const stream = ++streamCount
    return createTranslator(payloads, (fields) =>
      callSafely(onDiagnostic, { stream, name, time: performance.now(), ...fields }),
    )
  }
}
