/** The runs that the log of the server keeps, and who reads them. */
import type { Clock } from '../../server/base/clock.ts'
import { AnswerText } from '../../server/run/answer-text.ts'
import type { Delta } from '../../server/run/delta.ts'
import { OtherEvent } from '../../server/run/delta.ts'
import type { MockKernel } from '../http/kernel.ts'
import { FrameReader } from '../stream/frame-reader.ts'
import type { Pacer } from './run.ts'
import { createPacer } from './run.ts'

/** A run of the mock server. */
export interface Run {
  /** Unguessable ID: the `streamId` of its `start` event. */
  readonly id: string
  readonly prompt: string
  /** `finished` once its terminal event has been generated. */
  readonly state: 'running' | 'finished'
  /** Number of connections that are reading the run. */
  readonly readers: number
  /** Position of the newest event; `start` has position 1. */
  readonly head: number
  /** Text generated so far. */
  readonly text: string
}

/** A run, as its generation and its connections see it. */
export interface KeptRun {
  readonly run: Run
  readonly pacer: Pacer
  /** Adds what was generated to the text of the run. */
  add(delta: Delta | OtherEvent): void
}

/** All runs of a mock server. */
export interface RunRegistry {
  readonly runs: readonly Run[]
  /** Returns the run with this ID, which the log keeps. */
  find(id: string): KeptRun
  /** Adds a connection that reads the run with this ID. */
  read(id: string, source: ConstructorParameters<typeof FrameReader>[0]): FrameReader
  /** Cuts every connection; the runs continue. */
  drop(): void
  /** Stops and forgets all runs, and ends every connection. */
  clear(endState: 'cut' | 'ended'): void
}

interface Entry extends KeptRun {
  readonly readers: Set<FrameReader>
}

const START = 'event: start\ndata: '
const streamOf = (id: string): string => `run:${id}`

/** Creates the registry. */
export function createRunRegistry({ streams }: MockKernel, clock: Clock): RunRegistry {
  const entries = new Map<string, Entry>()

  const createEntry = (id: string): Entry => {
    const stream = streamOf(id)
    const readers = new Set<FrameReader>()
    const { prompt } = JSON.parse(streams.read(stream, 0, { bytes: 1 })!.events[0]!.frame.slice(START.length)) as {
      prompt: string
    }
    const read = (): { head: number; state: 'open' | 'closed' } =>
      streams.read(stream, Number.MAX_SAFE_INTEGER, { bytes: 1 }) ?? { head: 0, state: 'closed' }
    const answer = new AnswerText()
    const run: Run = {
      id,
      prompt,
      get state() {
        return read().state === 'open' ? 'running' : 'finished'
      },
      get readers() {
        return readers.size
      },
      get head() {
        return read().head
      },
      get text() {
        return answer.text
      },
    }
    const stopTail = streams.tail(stream, (reason) => {
      if (reason !== 'dropped') return
      stopTail()
      entries.delete(id)
    })
    return {
      run,
      readers,
      pacer: createPacer(clock),
      add(delta) {
        if (!(delta instanceof OtherEvent)) answer.add(typeof delta === 'string' ? { content: delta } : delta)
      },
    }
  }
  const find = (id: string): Entry => {
    const entry = entries.get(id) ?? createEntry(id)
    entries.set(id, entry)
    return entry
  }
  const finishAll = (endState: 'cut' | 'ended'): void => {
    for (const { readers } of entries.values()) for (const reader of readers) reader.finish(endState)
  }

  return {
    get runs() {
      return Array.from(entries.values(), ({ run }) => run)
    },
    find,
    read(id, source) {
      const { readers, pacer } = find(id)
      const reader: FrameReader = new FrameReader(source, () => {
        readers.delete(reader)
        if (readers.size === 0) pacer.setPurpose('housekeeping')
      })
      readers.add(reader)
      pacer.setPurpose('awaited')
      return reader
    },
    drop: () => finishAll('cut'),
    clear(endState) {
      finishAll(endState)
      for (const id of entries.keys()) streams.drop(streamOf(id))
    },
  }
}
