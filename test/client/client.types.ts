/** Type tests for clients, runs, options and errors: what must compile and what must not. Never executed. */
import * as v from 'valibot'
import { expectTypeOf } from 'vitest'
import { StreamError, apiKey, bearer, createClient, isStreamError, native, rawEvents } from '../../src/index.ts'
import type {
  Connect,
  Cursor,
  Delta,
  Message,
  Persistence,
  Protocol,
  ProtocolEvent,
  Run,
  RunOptions,
  RunResult,
  StreamErrorCode,
  StreamState,
  TextDelta,
  ToolCall,
  Usage,
} from '../../src/index.ts'
import { openaiChat } from '../../src/openai.ts'

const client = createClient({ baseUrl: 'https://api.test' })

export async function runs(): Promise<void> {
  const run = client.stream('/x', { json: { prompt: 'p' } })
  expectTypeOf(run).toEqualTypeOf<Run>()
  for await (const delta of run) expectTypeOf(delta).toEqualTypeOf<TextDelta>()
  expectTypeOf(await run.final()).toEqualTypeOf<RunResult>()
  expectTypeOf(run.text).toEqualTypeOf<string>()
  expectTypeOf(run.state).toEqualTypeOf<StreamState>()
  expectTypeOf(run.cursor).toEqualTypeOf<Cursor | undefined>()
  expectTypeOf(run.cancel()).toEqualTypeOf<Promise<void>>()
  // @ts-expect-error `text` is read-only
  run.text = ''
}

export function optionsCanBePassedOn(given: RunOptions, isOn: boolean): void {
  expectTypeOf(client.stream('/x', given)).toEqualTypeOf<Run>()
  const signal = isOn ? new AbortController().signal : undefined
  client.stream('/x', { signal, persist: undefined, retry: { limit: undefined }, onError: undefined })
  client.subscribe('/x', { signal, lastEventId: undefined, method: undefined })
  createClient({ baseUrl: undefined, auth: undefined, queue: { events: undefined } })
}

export async function restoredRuns(store: Persistence): Promise<void> {
  expectTypeOf(await client.restore(store)).toEqualTypeOf<Run | undefined>()
  expectTypeOf((await client.restore(store, { protocol: openaiChat() }))?.message).toEqualTypeOf<Message | undefined>()
  // @ts-expect-error the store is the first argument
  void client.restore(store, { persist: store })
}

export async function protocolsGiveTheDeltas(): Promise<void> {
  const chat = client.stream('/x', { protocol: openaiChat() })
  expectTypeOf(chat).toEqualTypeOf<Run<Delta, Record<string, unknown>, Message>>()
  for await (const delta of chat) if (delta.type === 'text') expectTypeOf(delta.content).toEqualTypeOf<string>()
  expectTypeOf(chat.message).toEqualTypeOf<Message | undefined>()
  const { message, toolCalls, usage } = await chat.final()
  expectTypeOf(message).toEqualTypeOf<Message>()
  expectTypeOf(toolCalls).toEqualTypeOf<readonly ToolCall[]>()
  expectTypeOf(usage).toEqualTypeOf<Usage | undefined>()
  const resumed = client.resume({ url: '/x' }, { protocol: native({ blocks: true }) })
  expectTypeOf(resumed).toEqualTypeOf<Run<Delta, Record<string, unknown>, Message>>()
  expectTypeOf(client.stream('/x', { protocol: rawEvents() })).toEqualTypeOf<Run<ProtocolEvent>>()
  expectTypeOf(client.stream('/x', { protocol: native() })).toEqualTypeOf<Run>()
  const numbers: Protocol<number> = {
    map: ({ data }) => [{ type: 'delta', delta: Number(data) }],
    text: (delta) => delta.toFixed(),
  }
  for await (const delta of client.stream('/x', { protocol: numbers })) expectTypeOf(delta).toEqualTypeOf<number>()
  // @ts-expect-error a delta of the wrong type
  const wrong: Protocol<number> = { map: () => [{ type: 'delta', delta: 'text' }] }
  // @ts-expect-error no such step
  const unknown: Protocol<number> = { map: () => [{ type: 'pause' }] }
  void [wrong, unknown]
}

export function eventsOfRuns(): void {
  interface Events {
    tool_call: { name: string }
  }
  const run = client.stream<Events>('/x')
  run.on('tool_call', ({ data }) => expectTypeOf(data.name).toEqualTypeOf<string>())
  run.on('delta', ({ data }) => expectTypeOf(data).toEqualTypeOf<TextDelta>())
  client.stream('/x').on('delta', ({ data }) => expectTypeOf(data.content).toEqualTypeOf<string>())
  client.stream<Events>('/x', { protocol: native() }).on('tool_call', ({ data }) => data.name)
  client
    .stream<Delta, unknown, Message, Events>('/x', { protocol: openaiChat() })
    .on('tool_call', ({ data }) => expectTypeOf(data.name).toEqualTypeOf<string>())
  // @ts-expect-error no such event
  run.on('toolcall', () => {})
  const validated = client.stream('/x', { schema: { tool_call: v.object({ name: v.string() }) } })
  validated.on('tool_call', ({ data }) => expectTypeOf(data).toEqualTypeOf<{ name: string }>())
  // @ts-expect-error no such event
  validated.on('other', () => {})
  client.resume<Events>({ url: '/r' }).on('tool_call', ({ data }) => expectTypeOf(data.name).toEqualTypeOf<string>())
  // @ts-expect-error a cursor has a URL
  client.resume({ lastEventId: '1' })
}

export function options(): void {
  createClient({ auth: bearer('t'), retry: false, headers: async () => ({ a: 'b' }) })
  createClient({ auth: apiKey(() => 'k', { header: 'x' }), retry: { limit: 3, jitter: (delay) => delay } })
  createClient({ auth: bearer(async ({ reason, attempt, signal }) => `${reason}${attempt}${signal.aborted}`) })
  client.subscribe('/x', { credentials: 'include', cache: 'reload', searchParams: { a: 1, b: true }, lastEventId: '7' })
  client.subscribe(new URL('https://api.test/x'), { method: 'POST', body: new FormData(), repeatable: true })
  // @ts-expect-error no such option
  createClient({ retries: 3 })
  // @ts-expect-error true is not a retry policy
  createClient({ retry: true })
  // @ts-expect-error `auth` is a function
  createClient({ auth: 'token' })
  // @ts-expect-error a body that can be read only once
  client.stream('/x', { body: new ReadableStream() })
  // @ts-expect-error an option of runs only
  client.subscribe('/x', { protocol: native() })
  // @ts-expect-error an option of runs only
  client.subscribe('/x', { idempotencyKey: 'k' })
  // @ts-expect-error an option of feeds only
  client.stream('/x', { parse: 'text' })
  // @ts-expect-error no such mode
  client.subscribe('/x', { parse: 'xml' })
}

export function errors(error: unknown): void {
  if (isStreamError(error)) {
    expectTypeOf(error.code).toEqualTypeOf<StreamErrorCode>()
    if (error.code === 'http') {
      expectTypeOf(error.status).toEqualTypeOf<number>()
      expectTypeOf(error.headers).toEqualTypeOf<Headers>()
    }
    if (error.code === 'network') expectTypeOf(error.status).toEqualTypeOf<number | undefined>()
    // @ts-expect-error no such code
    if (error.code === 'timeout') return
  }
  // A run that was replaced by a different one has expired, too, without a status.
  if (isStreamError(error, 'expired')) expectTypeOf(error.status).toEqualTypeOf<number | undefined>()
  // @ts-expect-error no such code
  isStreamError(error, 'timeout')
  expectTypeOf(new StreamError('gap', 'Missing')).toExtend<Error>()
}

export function disposal(): void {
  using scoped = createClient()
  using feed = scoped.subscribe('/x')
  void feed
}

export const custom: Connect = async ({ url, headers, signal }) => ({
  status: 200,
  url,
  headers: new Headers(headers),
  read: async () => (signal.aborted ? null : { blocks: [{ type: 'message', data: 'a', id: undefined }], bytes: 9 }),
  readText: async () => '',
  cancel() {},
})
