/** One connection: pulls frames from a source, keeps it alive with heartbeats, and gives out the chunks to write. */
import type { Clock } from '../base/clock.ts'
import type { Rule } from '../scenario/rule.ts'
import type { Cut } from './faults.ts'
import { createFaults } from './faults.ts'
import { createFrame } from './frame.ts'
import { createPacker } from './chunker.ts'
import type { Source } from './source.ts'

/** One write. With `cut` it is the last one, and the connection is cut after it. */
export interface Chunk {
  readonly bytes: Uint8Array
  readonly cut?: Cut
}

/** What is written, one chunk after the other. */
export interface Body {
  readonly chunks: AsyncGenerator<Chunk, void, undefined>
  /** Aborted when the connection is to be cut at once, whatever is still being written: it was dropped, or was too slow. */
  readonly lost?: AbortSignal
  /** Why it ended, once it has. */
  ending?(): 'ended' | 'expired'
}

/** What a connection needs to know. */
export interface PumpOptions {
  readonly source: Source
  readonly rule: Rule
  /** Milliseconds of silence before a comment is sent; 0: none. */
  readonly heartbeat: number
  readonly clock: Clock
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal
}

const OPEN = createFrame({ comment: 'open' })
const HEARTBEAT = createFrame({ comment: 'heartbeat' })
/** A batch is written at once; more than this waits for the next write, so that a slow client costs no memory. */
const BATCH = 64 * 1024

/**
 * The body of one connection. The source is closed when they end, when iteration is given up, and when the signal aborts,
 * even if nobody has begun to iterate.
 */
export function pump({ source, rule, heartbeat, clock, signal }: PumpOptions): Body {
  let state: 'open' | 'closed' = 'open'
  const close = (): void => {
    if (state === 'closed') return
    state = 'closed'
    signal.removeEventListener('abort', close)
    unwatchLoss()
    source.close()
  }
  const lost = new AbortController()
  // Watched all the time, not only between two writes: a client that does not read never comes to its next write.
  const unwatchLoss = source.watch(() => {
    if (source.state === 'cut') lost.abort()
  })
  if (signal.aborted) close()
  else signal.addEventListener('abort', close)

  /** Waits for the source, for `ms`, or for the client to leave; without a source for the other two. */
  const wait = (ms: number, awaited?: Source): Promise<'woken' | 'due' | 'gone'> =>
    new Promise((resolve) => {
      const settle = (why: 'woken' | 'due' | 'gone') => (): void => {
        unwatch?.()
        cancel?.()
        signal.removeEventListener('abort', gone)
        resolve(why)
      }
      const gone = settle('gone')
      const unwatch = awaited?.watch(settle('woken'))
      const cancel = ms < Infinity ? clock.after(ms, settle('due'), awaited ? 'housekeeping' : 'awaited') : undefined
      if (signal.aborted) gone()
      else signal.addEventListener('abort', gone)
    })

  async function* chunks(): AsyncGenerator<Chunk, void, undefined> {
    const faults = createFaults(rule)
    const packer = createPacker(rule)
    const interval = rule.heartbeat === 'off' ? 0 : (rule.heartbeat ?? heartbeat)
    let lastWrite = clock.now()

    async function* write(writes: readonly Uint8Array[]): AsyncGenerator<Chunk, void, undefined> {
      for (const [index, bytes] of writes.entries()) {
        if (index > 0 && rule['split-delay']) await wait(rule['split-delay'])
        if (signal.aborted) return
        lastWrite = clock.now()
        yield { bytes }
      }
    }

    async function* flood(kind: 'line' | 'lines', bytes: number): AsyncGenerator<Chunk, void, undefined> {
      const line = `data: ${'x'.repeat(1_017)}\n`
      const text = kind === 'lines' ? line.repeat(64) : 'x'.repeat(64 * 1024)
      if (kind === 'line') yield* write(packer.pack('data: '))
      for (let left = bytes; left > 0 && !signal.aborted; left -= text.length)
        yield* write(packer.pack(text.slice(0, left)))
    }

    let text = ''
    let steps = faults.begin(OPEN)
    while (!signal.aborted) {
      for (const step of steps) {
        if (step.step === 'send') {
          text += step.text
          continue
        }
        yield* write(packer.pack(text))
        text = ''
        if (step.step === 'flood') yield* flood(step.kind, step.bytes)
        yield* write(packer.flush())
        if (step.step === 'cut') yield { bytes: step.bytes, cut: step.cut }
        if (step.step === 'stall' || step.step === 'flood') await wait(Infinity)
        return
      }
      const frame = text.length < BATCH ? source.take() : undefined
      if (frame) {
        steps = faults.next(frame)
        continue
      }
      steps = []
      if (text) {
        yield* write(packer.pack(text))
        text = ''
      } else if (source.state === 'ended' || source.state === 'expired') {
        for (const step of faults.end()) if (step.step === 'send') text += step.text
        yield* write([...packer.pack(text), ...packer.flush()])
        if (rule['short-length']) yield { bytes: new Uint8Array(0), cut: 'fin' }
        return
      } else if (source.state === 'cut') {
        yield { bytes: new Uint8Array(0), cut: 'reset' }
        return
      } else if ((await wait(interval ? lastWrite + interval - clock.now() : Infinity, source)) === 'due') {
        const idle = source.idle?.()
        steps = [...faults.next(HEARTBEAT), ...(idle ? faults.next(idle) : [])]
        lastWrite = clock.now()
      }
    }
  }

  async function* closing(): AsyncGenerator<Chunk, void, undefined> {
    try {
      if (!signal.aborted) yield* chunks()
    } finally {
      close()
    }
  }
  return { chunks: closing(), lost: lost.signal, ending: () => (source.state === 'expired' ? 'expired' : 'ended') }
}
