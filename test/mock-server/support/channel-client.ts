/** A client of a channel that does nothing by itself: it opens the carrier, posts operations, and tells the streams apart. */
import { onTestFinished } from 'vitest'
import { type Block, dataOf } from './blocks.ts'
import { type Reading, openReading } from './stream-reader.ts'

/** What came for one key, in its order: controls, and events under their own ids. */
export interface Carried {
  type: string
  /** - `control`: the id ended in `!` - `own`: it has an id of its own - `none`: its block had none */
  kind: 'control' | 'own' | 'none'
  id: string | undefined
  data: string | undefined
}

export interface Carrier {
  readonly reading: Reading
  readonly channelId: string
  /** Posts operations; resolves with the answer to the POST. */
  post(...ops: Record<string, unknown>[]): Promise<Response>
  /** What came so far for a key. */
  of(key: string): Carried[]
  /** Reads until `met` holds for what came for a key. */
  when(key: string, met: (carried: Carried[]) => boolean): Promise<Carried[]>
  /** Reads until the stream's `close`, and gives all of it. */
  untilClosed(key: string): Promise<Carried[]>
}

export interface CarrierOptions {
  /** Of the carrier, and of the POSTs. */
  headers?: Record<string, string>
  path?: string
  fetch?: (input: string, init?: RequestInit) => Promise<Response>
}

const idOf = /^([A-Za-z0-9_-]{1,32})([=+!])(.*)$/s

/** The events of one key. A block with data or an id counts; comments do not. */
function carriedOf(blocks: readonly Block[], key: string): Carried[] {
  return blocks.flatMap(({ id, data, type }) => {
    const [, name, sign, own] = idOf.exec(id ?? '') ?? []
    if (name !== key) return []
    const kind = sign === '!' ? 'control' : sign === '=' ? 'own' : 'none'
    return [{ type, kind, id: kind === 'own' ? own : undefined, data } as const]
  })
}

/** A control's data. */
export const controlOf = (carried: readonly Carried[], type: string): Record<string, unknown> =>
  dataOf(carried.find((one) => one.kind === 'control' && one.type === type) as Block | undefined)

/** Events alone, controls left out, as blocks with the ids that their streams gave them. */
export const eventsIn = (carried: readonly Carried[]): Block[] =>
  carried
    .filter(({ kind, data }) => kind !== 'control' && data !== undefined)
    .map(({ type, id, data }) => ({ type, id, data, comment: undefined, retry: undefined }))

/** Opens it. The first event has come when it settles. */
export async function openCarrier(
  url: string,
  { headers = {}, path = '/api/channel', fetch = globalThis.fetch }: CarrierOptions = {},
): Promise<Carrier> {
  const reading = await openReading(url + path, { headers }, fetch)
  onTestFinished(() => reading.leave())
  const [first] = await reading.take(1)
  const channelId = dataOf(first)['channelId'] as string
  const of = (key: string): Carried[] => carriedOf(reading.blocks, key)
  const when = async (key: string, met: (carried: Carried[]) => boolean): Promise<Carried[]> => {
    while (!met(of(key))) await reading.read()
    return of(key)
  }
  return {
    reading,
    channelId,
    post: (...ops) =>
      fetch(`${url}${path}/ops`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ channelId, ops }),
      }),
    of,
    when,
    untilClosed: (key) =>
      when(key, (carried) => carried.some(({ type, kind }) => kind === 'control' && type === 'close')),
  }
}

/** Asks for a run with the prompt `Hi`. */
export const openRun = (key: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  op: 'open',
  key,
  method: 'POST',
  path: '/api/generate',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ prompt: 'Hi' }),
  ...more,
})

/** Asks for anything by GET; the feed unless told. */
export const openPath = (
  key: string,
  path = '/api/stream',
  more: Record<string, unknown> = {},
): Record<string, unknown> => ({
  op: 'open',
  key,
  method: 'GET',
  path,
  ...more,
})
