/** A client of a channel that does nothing by itself: it opens the carrier, posts operations, and tells the streams apart. */
import { onTestFinished } from 'vitest'
import { type Block, dataOf } from './blocks.ts'
import { type StreamReader, openStreamReader } from './stream-reader.ts'

/** What came for one key, in its order: controls, and events under their own ids. */
export interface ChannelItem {
  type: string
  /** - `control`: the id ended in `!` - `own`: it has an id of its own - `none`: its block had none */
  kind: 'control' | 'own' | 'none'
  id: string | undefined
  data: string | undefined
}

export interface ChannelClient {
  readonly reader: StreamReader
  readonly channelId: string
  /** Posts operations; resolves with the answer to the POST. */
  post(...ops: Record<string, unknown>[]): Promise<Response>
  /** What came so far for a key. */
  itemsOf(key: string): ChannelItem[]
  /** Reads until `met` holds for what came for a key. */
  readUntil(key: string, condition: (items: ChannelItem[]) => boolean): Promise<ChannelItem[]>
  /** Reads until the stream's `close`, and gives all of it. */
  readUntilClosed(key: string): Promise<ChannelItem[]>
}

export interface ChannelClientOptions {
  /** Of the carrier, and of the POSTs. */
  headers?: Record<string, string>
  path?: string
  fetch?: (input: string, init?: RequestInit) => Promise<Response>
}

const ITEM_ID = /^([A-Za-z0-9_-]{1,32})([=+!])(.*)$/s

/** The events of one key. A block with data or an id counts; comments do not. */
function itemsOfKey(blocks: readonly Block[], key: string): ChannelItem[] {
  return blocks.flatMap(({ id, data, type }) => {
    const [, name, sign, streamId] = ITEM_ID.exec(id ?? '') ?? []
    if (name !== key) return []
    const kind = sign === '!' ? 'control' : sign === '=' ? 'own' : 'none'
    return [{ type, kind, id: kind === 'own' ? streamId : undefined, data } as const]
  })
}

/** A control's data. */
export const controlOf = (items: readonly ChannelItem[], type: string): Record<string, unknown> =>
  dataOf(items.find((one) => one.kind === 'control' && one.type === type) as Block | undefined)

/** Events alone, controls left out, as blocks with the ids that their streams gave them. */
export const eventsOfItems = (items: readonly ChannelItem[]): Block[] =>
  items
    .filter(({ kind, data }) => kind !== 'control' && data !== undefined)
    .map(({ type, id, data }) => ({ type, id, data, comment: undefined, retry: undefined }))

/** Opens it. The first event has come when it settles. */
export async function openChannelClient(
  url: string,
  { headers = {}, path = '/api/channel', fetch = globalThis.fetch }: ChannelClientOptions = {},
): Promise<ChannelClient> {
  const reader = await openStreamReader(url + path, { headers }, fetch)
  onTestFinished(() => reader.close())
  const [first] = await reader.readEvents(1)
  const channelId = dataOf(first)['channelId'] as string
  const itemsOf = (key: string): ChannelItem[] => itemsOfKey(reader.blocks, key)
  const readUntil = async (key: string, condition: (items: ChannelItem[]) => boolean): Promise<ChannelItem[]> => {
    while (!condition(itemsOf(key))) await reader.readChunk()
    return itemsOf(key)
  }
  return {
    reader,
    channelId,
    post: (...ops) =>
      fetch(`${url}${path}/ops`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ channelId, ops }),
      }),
    itemsOf,
    readUntil,
    readUntilClosed: (key) =>
      readUntil(key, (items) => items.some(({ type, kind }) => kind === 'control' && type === 'close')),
  }
}

/** Asks for a run with the prompt `Hi`. */
export const openRunOperation = (key: string, overrides: Record<string, unknown> = {}): Record<string, unknown> => ({
  op: 'open',
  key,
  method: 'POST',
  path: '/api/generate',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ prompt: 'Hi' }),
  ...overrides,
})

/** Asks for anything by GET; the feed unless told. */
export const openGetOperation = (
  key: string,
  path = '/api/stream',
  overrides: Record<string, unknown> = {},
): Record<string, unknown> => ({
  op: 'open',
  key,
  method: 'GET',
  path,
  ...overrides,
})
