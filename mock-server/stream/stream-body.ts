/** The body of a streamed response: pulls frames from a source, adds heartbeats, and yields the chunks to write. */
import type { Clock } from '../../server/base/clock.ts'
import type { Rule } from '../scenario/rule.ts'
import { createChunker } from './chunker.ts'
import type { CutKind } from './faults.ts'
import { createFaults } from './faults.ts'
import type { Frame } from './frame.ts'
import { createFrame, encodeFrame } from './frame.ts'
import type { Source } from './source.ts'

/** One write. If `cut` is set, this is the last write, and the connection is cut after it. */
export interface Chunk {
  readonly bytes: Uint8Array
  readonly cut?: CutKind
}

/** A body that is written chunk by chunk. */
export interface StreamBody {
  readonly chunks: AsyncGenerator<Chunk, void, undefined>
  /** Aborts when the connection must be cut at once, even during a write: it was dropped, or its reader is too slow. */
  readonly connectionCut?: AbortSignal
  /** Returns why the body ended; call it after the last chunk. */
  endReason?(): 'ended' | 'expired'
}

/** Options of `createStreamBody`. */
export interface StreamBodyOptions {
  readonly source: Source
  readonly rule: Rule
  /** Silence in milliseconds before a heartbeat comment is sent; 0 disables heartbeats. */
  readonly heartbeat: number
  readonly clock: Clock
  /** Aborts when the client disconnects. */
  readonly signal: AbortSignal
}

const OPEN_FRAME = createFrame({ comment: 'open' })
const HEARTBEAT = encodeFrame({ comment: 'heartbeat' })
/** Whether a frame is one of those that a reader writes if it has nothing to say. */
const isHeartbeat = ({ comment, data }: Frame): boolean => comment === 'heartbeat' || (!comment && data === undefined)
/** Size at which a batch is written. Later frames stay in the source, so that a slow client costs no memory. */
const MAX_BATCH_CHARS = 64 * 1024

/**
 * Creates the body of one response. The source is closed when the chunks end, when iteration stops, or when `signal`
 * aborts, even if iteration never starts.
 */
export function createStreamBody({ source, rule, heartbeat, clock, signal }: StreamBodyOptions): StreamBody {
  let state: 'open' | 'closed' = 'open'
  const close = (): void => {
    if (state === 'closed') return
    state = 'closed'
    signal.removeEventListener('abort', close)
    unwatchCut()
    source.close()
  }
  const connectionCut = new AbortController()
  // Watch during writes too: with a client that does not read, a write never completes.
  const unwatchCut = source.watch(() => {
    if (source.state === 'cut') connectionCut.abort()
  })
  if (signal.aborted) close()
  else signal.addEventListener('abort', close)

  /** Waits `ms` milliseconds, or until `watched` (if given) has an update or the client disconnects. */
  const wait = (ms: number, watched?: Source): Promise<'updated' | 'timeout' | 'aborted'> =>
    new Promise((resolve) => {
      const resolveWith = (outcome: 'updated' | 'timeout' | 'aborted') => (): void => {
        unwatch?.()
        cancel?.()
        signal.removeEventListener('abort', onAbort)
        resolve(outcome)
      }
      const onAbort = resolveWith('aborted')
      const unwatch = watched?.watch(resolveWith('updated'))
      const cancel =
        ms < Infinity ? clock.after(ms, resolveWith('timeout'), watched ? 'housekeeping' : 'awaited') : undefined
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort)
    })

  async function* chunks(): AsyncGenerator<Chunk, void, undefined> {
    const faults = createFaults(rule)
    const chunker = createChunker(rule)
    let lastWriteAt = clock.now()

    async function* write(writes: readonly Uint8Array[]): AsyncGenerator<Chunk, void, undefined> {
      for (const [index, bytes] of writes.entries()) {
        if (index > 0 && rule['split-delay']) await wait(rule['split-delay'])
        if (signal.aborted) return
        lastWriteAt = clock.now()
        yield { bytes }
      }
    }

    async function* flood(kind: 'line' | 'lines', bytes: number): AsyncGenerator<Chunk, void, undefined> {
      const line = `data: ${'x'.repeat(1_017)}\n`
      const text = kind === 'lines' ? line.repeat(64) : 'x'.repeat(64 * 1024)
      if (kind === 'line') yield* write(chunker.push('data: '))
      for (let remaining = bytes; remaining > 0 && !signal.aborted; remaining -= text.length)
        yield* write(chunker.push(text.slice(0, remaining)))
    }

    /** Whether the heartbeats of the source are not sent: while the fault `quiet-after` discards events, they stop. */
    const sendsOwnHeartbeats = (): boolean => rule.heartbeat === 'off' || faults.isQuiet
    const nextHeartbeat = (): number =>
      heartbeat > 0 && rule.heartbeat !== 'off' && (faults.isQuiet || !source.keepsTime)
        ? Math.max(0, lastWriteAt + heartbeat - clock.now())
        : Infinity
    const takeFrame = (isAllWritten: boolean): Frame | undefined => {
      const frame = source.take()
      if (frame || !isAllWritten) return frame
      source.pull?.()
      return source.take()
    }

    source.pull?.()
    let text = ''
    let steps = faults.begin(OPEN_FRAME)
    while (!signal.aborted) {
      for (const step of steps) {
        if (step.step === 'send') {
          text += step.text
          continue
        }
        yield* write(chunker.push(text))
        text = ''
        if (step.step === 'flood') yield* flood(step.kind, step.bytes)
        yield* write(chunker.flush())
        if (step.step === 'cut') yield { bytes: step.bytes, cut: step.cut }
        source.discard?.()
        if (step.step === 'stall' || step.step === 'flood') await wait(Infinity)
        return
      }
      const frame = text.length < MAX_BATCH_CHARS ? takeFrame(text === '') : undefined
      if (frame) {
        steps = isHeartbeat(frame) && sendsOwnHeartbeats() ? [] : faults.next(frame)
        continue
      }
      steps = []
      if (text) {
        yield* write(chunker.push(text))
        text = ''
      } else if (source.state === 'ended' || source.state === 'expired') {
        for (const step of faults.flush()) if (step.step === 'send') text += step.text
        yield* write([...chunker.push(text), ...chunker.flush()])
        if (rule['short-length']) yield { bytes: new Uint8Array(0), cut: 'fin' }
        return
      } else if (source.state === 'cut') {
        yield { bytes: new Uint8Array(0), cut: 'reset' }
        return
      } else if ((await wait(nextHeartbeat(), source)) === 'timeout') text += HEARTBEAT
    }
  }

  async function* closeAfterChunks(): AsyncGenerator<Chunk, void, undefined> {
    try {
      if (!signal.aborted) yield* chunks()
    } finally {
      close()
    }
  }
  return {
    chunks: closeAfterChunks(),
    connectionCut: connectionCut.signal,
    endReason: () => (source.state === 'expired' ? 'expired' : 'ended'),
  }
}
