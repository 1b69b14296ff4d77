/** Type tests for events and listeners: what must compile and what must not. Never executed. */
import * as v from 'valibot'
import { expectTypeOf } from 'vitest'
import { createClient } from '../../src/index.ts'
import type { FeedEvents, StreamEvent, Subscription } from '../../src/index.ts'

interface Feed {
  connected: { clientId: string; message: string }
  price: { symbol: string; value: number }
}
type Literal = { tick: number; done: boolean }

const client = createClient()

export async function anInterfaceOrATypeIsAnEventMap(): Promise<void> {
  expectTypeOf(client.subscribe<Feed>('/x')).toEqualTypeOf<Subscription<Feed>>()
  expectTypeOf(client.subscribe<Literal>('/x')).toEqualTypeOf<Subscription<Literal>>()
  // @ts-expect-error an event map is an object
  client.subscribe<string>('/x')
}

export async function typeNarrowsData(): Promise<void> {
  for await (const event of client.subscribe<Feed>('/x')) {
    expectTypeOf(event.type).toEqualTypeOf<'connected' | 'price'>()
    expectTypeOf(event.id).toEqualTypeOf<string>()
    if (event.type === 'price') {
      expectTypeOf(event.data).toEqualTypeOf<Feed['price']>()
      // @ts-expect-error a field of another event
      void event.data.clientId
    } else {
      expectTypeOf(event.data).toEqualTypeOf<Feed['connected']>()
    }
    // @ts-expect-error no such event
    if (event.type === 'prize') return
    // @ts-expect-error events are read-only
    event.id = ''
  }
}

export function listenersKnowTheirPayload(): void {
  const feed = client.subscribe<Feed>('/x')
  expectTypeOf(
    feed.on('price', ({ data, type }) => {
      expectTypeOf(data).toEqualTypeOf<{ symbol: string; value: number }>()
      expectTypeOf(type).toEqualTypeOf<'price'>()
    }),
  ).toEqualTypeOf<() => void>()
  feed.once('connected', ({ data }) => expectTypeOf(data.clientId).toEqualTypeOf<string>())
  feed.on('price', async () => {}, { signal: new AbortController().signal })
  feed.onAny((event) => {
    expectTypeOf(event).toEqualTypeOf<StreamEvent>()
    expectTypeOf(event.data).toBeUnknown()
  })
  // @ts-expect-error no such event
  feed.on('prize', () => {})
  // @ts-expect-error no such event
  feed.once('prize', () => {})
  // @ts-expect-error no such payload
  feed.on('price', ({ data }: { data: { amount: number } }) => data.amount)
  // @ts-expect-error no such field
  feed.on('price', ({ data }) => data.amount)
}

export function withoutAMapPayloadsAreUnknown(): void {
  const feed = client.subscribe('/x')
  feed.on('anything', ({ data }) => {
    expectTypeOf(data).toBeUnknown()
    // @ts-expect-error unknown data must be narrowed first
    void data.value
  })
}

export async function schemasAreTheMap(): Promise<void> {
  const schema = {
    price: v.object({ value: v.pipe(v.string(), v.transform(Number)) }),
    note: v.nullable(v.string()),
  }
  const feed = client.subscribe('/x', { schema })
  feed.on('price', ({ data }) => expectTypeOf(data).toEqualTypeOf<{ value: number }>())
  feed.on('note', ({ data }) => expectTypeOf(data).toEqualTypeOf<string | null>())
  feed.on('connected', ({ data }) => expectTypeOf(data.clientId).toEqualTypeOf<string>())
  for await (const event of client.subscribe<Feed & FeedEvents>('/x'))
    if (event.type === 'reset') expectTypeOf(event.data.reason).toEqualTypeOf<string>()
  client.subscribe<{ price: number }>('/x').on('connected', ({ data }) => data.clientId)
  client.subscribe('/x').on('reset', ({ data }) => expectTypeOf(data.reason).toEqualTypeOf<string>())
  // @ts-expect-error an event without a schema
  feed.on('other', () => {})
  for await (const event of feed) if (event.type === 'price') expectTypeOf(event.data.value).toEqualTypeOf<number>()
  // @ts-expect-error not a Standard Schema
  client.subscribe('/x', { schema: { price: { parse: () => 1 } } })
}
