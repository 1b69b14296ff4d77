/** A stream of the memory log. */
import { createNonce } from '../base/nonce.ts'
import type { LogState } from './event-log.ts'
import { KeptEvents } from './kept-events.ts'
import type { MemoryRun } from './memory-run.ts'
import { Senders } from './senders.ts'

/** A feed or a run. */
export interface MemoryStream {
  readonly name: string
  readonly epoch: string
  readonly events: KeptEvents
  readonly run: MemoryRun | undefined
  readonly senders: Senders
  state: LogState
  /** Position up to which readers had a turn since the append. */
  settled: number
  /** Whether a turn is scheduled that settles and trims. */
  isSettling: boolean
  cancelTimer?: (() => void) | undefined
}

/** Creates an open stream without events. */
export const createStream = (name: string): MemoryStream => ({
  name,
  epoch: createNonce(),
  events: new KeptEvents(),
  run: undefined,
  senders: new Senders(),
  state: 'open',
  settled: 0,
  isSettling: false,
})
