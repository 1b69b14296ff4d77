/** A passive channel client: opens a channel, posts operations on request, and separates the streams. */
import { onTestFinished } from 'vitest'
import { type Block, dataOf } from './blocks.ts'
import { type StreamReader, openStreamReader } from './stream-reader.ts'

/** A block received for one key: a control event, or an event of the stream. */
export interface ChannelItem {
  type: string
  /** `control` for an id that ends in `!`, `own` for an id from the stream, `none` for a block without an id. */
  kind: 'control' | 'own' | 'none'
  id: string | undefined
  data: string | undefined
}

export interface ChannelClient {
  readonly reader: StreamReader
  readonly channelId: string
  /** Posts operations and resolves with the response. */
  post(...ops: Record<string, unknown>[]): Promise<Response>
  /** Returns the items received for a key so far. */
  itemsOf(key: string): ChannelItem[]
  /** Reads until `condition` holds for the items of a key. */
  readUntil(key: string, condition: (items: ChannelItem[]) => boolean): Promise<ChannelItem[]>
  /** Reads until the stream's `close` event and returns all of the stream's items. */
  readUntilClosed(key: string): Promise<ChannelItem[]>
}

export interface ChannelClientOptions {
  /** Headers of the channel request and of the POSTs with operations. */
  headers?: Record<string, string>
  path?: string
  fetch?: (input: string, init?: RequestInit) => Promise<Response>
}

const ITEM_ID = /^([A-Za-z0-9_-]{1,32})([=+!])(.*)$/s

/** Returns the items of one key: the blocks whose ids start with that key. */
function itemsOfKey(blocks: readonly Block[], key: string): ChannelItem[] {
  return blocks.flatMap(({ id, data, type }) => {
    const [, name, sign, streamId] = ITEM_ID.exec(id ?? '') ?? []
    if (name !== key) return []
    const kind = sign === '!' ? 'control' : sign === '=' ? 'own' : 'none'
    return [{ type, kind, id: kind === 'own' ? streamId : undefined, data } as const]
  })
}

/** Returns the data of a control event. */
export const controlOf = (items: readonly ChannelItem[], type: string): Record<string, unknown> =>
  dataOf(items.find((one) => one.kind === 'control' && one.type === type) as Block | undefined)

/** Returns the events of a stream without control events, as blocks with their own ids. */
export const eventsOfItems = (items: readonly ChannelItem[]): Block[] =>
  items
    .filter(({ kind, data }) => kind !== 'control' && data !== undefined)
    .map(({ type, id, data }) => ({ type, id, data, comment: undefined, retry: undefined }))

/** Opens a channel; resolves after its first event. */
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

/** Creates an operation that starts a run with the prompt `Hi`. */
export const openRunOperation = (key: string, overrides: Record<string, unknown> = {}): Record<string, unknown> => ({
  op: 'open',
  key,
  method: 'POST',
  path: '/api/generate',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ prompt: 'Hi' }),
  ...overrides,
})

/** Creates an operation that opens a path by GET, by default the feed's path. */
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
