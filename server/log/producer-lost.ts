/** The terminal event of a run whose producer has disappeared. */
import { encodeFrame } from './frame.ts'

/** Appended by the log when the lease of a run has expired; the run can be started again. */
export const PRODUCER_LOST_FRAME: string = encodeFrame(
  'error',
  JSON.stringify({ code: 'producer-lost', message: 'The process that generated this run was lost.', retryable: true }),
)
