/** Servers that write event streams byte for byte as popular frameworks do; see docs/your-server.md. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import type { SubscribeOptions } from '../../src/request/stream-options.ts'

/** Number of events of a connection, and of connections with events. */
const EVENTS_PER_CONNECTION = 5
const CONNECTION_COUNT = 4

export interface ThirdPartyServer {
  readonly name: string
  readonly contentType: string
  /** Returns the bytes of an event: its number in the whole feed, and its index within the connection. */
  event(n: number, index: number): string
  /** Bytes before the first event of a connection. */
  readonly opening?: string
  /** Bytes after the last event of a connection. */
  readonly closing?: string
  /** Whether a connection continues after or at the event with the requested `Last-Event-ID`, or ignores the header. */
  readonly resumes?: 'after' | 'at'
  readonly options?: SubscribeOptions
  /** The reason of the reset that the application receives at each reconnect. */
  readonly reset?: string
}

const json = (n: number): string => JSON.stringify({ n })

export const thirdPartyServers: readonly ThirdPartyServer[] = [
  {
    // spring-projects/spring-framework: spring-webmvc/src/main/java/org/springframework/web/servlet/mvc/method/annotation/
    // SseEmitter.java, `SseEventBuilderImpl`. There is no space after the colon, and a comment is an event of its own.
    name: 'Spring SseEmitter without ids',
    contentType: 'text/event-stream;charset=UTF-8',
    event: (n) => `data:${json(n)}\n\n:keep-alive\n\n`,
    reset: 'no-id',
  },
  {
    // fastapi/fastapi: fastapi/sse.py, `format_sse_event` and `KEEPALIVE_COMMENT`. A handler that yields plain objects
    // sends `data` only.
    name: 'FastAPI, yielding objects',
    contentType: 'text/event-stream; charset=utf-8',
    event: (n) => `data: ${json(n)}\n\n: ping\n\n`,
    reset: 'no-id',
  },
  {
    // fastapi/fastapi: docs_src/server_sent_events/tutorial004_py310.py. The `id` comes after the data.
    name: 'FastAPI, resuming after Last-Event-ID',
    contentType: 'text/event-stream; charset=utf-8',
    event: (n) => `event: price\ndata: ${json(n)}\nid: ${n}\nretry: 100\n\n`,
    resumes: 'after',
  },
  {
    // rails/rails: actionpack/lib/action_controller/metal/live.rb, `SSE#perform_write`. The options of the constructor
    // apply to every event, in the order `retry`, `event`, `id`.
    name: 'Rails ActionController::Live::SSE without ids',
    contentType: 'text/event-stream',
    event: (n) => `retry: 100\nevent: price\ndata: ${json(n)}\n\n`,
    reset: 'no-id',
  },
  {
    // django/django: django/http/response.py, `StreamingHttpResponse` sends what the view yields and adds nothing.
    name: 'Django StreamingHttpResponse',
    contentType: 'text/event-stream',
    event: (n) => `data: ${json(n)}\n\n`,
    reset: 'no-id',
  },
  {
    // fanout/django-eventstream: README.md and django_eventstream/utils.py, `sse_encode_event` and `make_id`. Each
    // connection begins with an event that has an empty `data` field.
    name: 'django-eventstream with storage',
    contentType: 'text/event-stream',
    opening: 'event: stream-open\ndata: \n\n',
    event: (n) => `event: message\nid: prices:${n}\ndata: ${json(n)}\n\n`,
    resumes: 'after',
    options: { parse: (data, { type }) => (type === 'stream-open' ? type : JSON.parse(data)) },
  },
  {
    // laravel/framework: src/Illuminate/Routing/ResponseFactory.php, `eventStream`. Every event is an `update`, and the
    // end of the stream is one as well.
    name: 'Laravel response()->eventStream()',
    contentType: 'text/event-stream; charset=utf-8',
    event: (n) => `event: update\ndata: ${json(n)}\n\n`,
    closing: 'event: update\ndata: </stream>\n\n',
    options: { parse: (data) => (data === '</stream>' ? data : JSON.parse(data)) },
    reset: 'no-id',
  },
  {
    // The same class, with `id(String.valueOf(i))` in a loop, as in ionchik9/reactive-sse-emiter:
    // src/main/java/com/sse/emiter/controller/SseEmiterController.java. The order of the fields is that of the calls.
    name: 'Spring SseEmitter with a loop variable as ID',
    contentType: 'text/event-stream;charset=UTF-8',
    event: (n, index) => `data:${json(n)}\nid:${index}\nevent:price\n\n`,
    reset: 'ids-not-unique',
  },
  {
    // sysid/sse-starlette: sse_starlette/event.py, `ServerSentEvent.encode`; sse_starlette/sse.py, `_ping`. The IDs count
    // each connection as in examples/04_advanced_features.py, `stream_with_custom_ping`.
    name: 'sse-starlette with a loop variable as ID',
    contentType: 'text/event-stream; charset=utf-8',
    opening: ': ping - 2026-12-01 09:00:00.000000\r\n\r\n',
    event: (n, index) => `id: ${index + 1}\r\nevent: price\r\ndata: ${json(n)}\r\nretry: 100\r\n\r\n`,
    reset: 'ids-not-unique',
  },
  {
    // A server that happens to use the names of the protocol's own events; they are ordinary events.
    name: 'A server with events named `connected` and `reset`',
    contentType: 'text/event-stream',
    event: (n, index) => `id: ${n}\nevent: ${index % 2 === 0 ? 'connected' : 'reset'}\ndata: ${json(n)}\n\n`,
    resumes: 'after',
  },
  {
    // A header carries the bytes of their UTF-8 encoding (HTML standard, section "Server-sent events").
    name: 'A server with IDs in Chinese',
    contentType: 'text/event-stream; charset=utf-8',
    event: (n) => `id: 价格-${n}\nevent: price\ndata: ${json(n)}\n\n`,
    resumes: 'after',
  },
  {
    // An HTTP header cannot carry the ID, so the server cannot know where to continue.
    name: 'A server with control characters in its IDs',
    contentType: 'text/event-stream',
    event: (n) => `id: price\u0001${n}\nevent: price\ndata: ${json(n)}\n\n`,
    reset: 'unsendable-id',
  },
  {
    // Not a framework, but a frequent mistake in handlers that read `Last-Event-ID`: `id >= last` instead of `id > last`.
    name: 'A server that replays the event with the Last-Event-ID',
    contentType: 'text/event-stream',
    event: (n) => `id: ${n}\nevent: price\ndata: ${json(n)}\n\n`,
    resumes: 'at',
  },
]

/** Starts a server whose first four connections end after five events each; it responds to later requests with 204. */
export async function startThirdPartyServer(server: ThirdPartyServer): Promise<string> {
  let connections = 0
  const host = createServer((request, response) => {
    if (connections === CONNECTION_COUNT) return void response.writeHead(204).end()
    // All ids of servers that resume end with the number of the event.
    const requested = server.resumes && request.headers['last-event-id']?.toString().match(/\d+$/)
    const next = requested ? Number(requested[0]) + 1 : connections * EVENTS_PER_CONNECTION
    const first = requested && server.resumes === 'at' ? next - 1 : next
    connections++
    response.writeHead(200, { 'content-type': server.contentType, 'cache-control': 'no-cache' })
    response.write(server.opening ?? '')
    for (let n = first; n < next + EVENTS_PER_CONNECTION; n++) response.write(server.event(n, n - first))
    response.end(server.closing)
  })
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    host.closeAllConnections()
    host.close()
  })
  return `http://127.0.0.1:${(host.address() as AddressInfo).port}`
}

/** Returns what the application must be given, in order: each event once, and a reset at each reconnect where one is due. */
export function expectedLog({ opening, closing, reset }: ThirdPartyServer): unknown[] {
  return Array.from({ length: CONNECTION_COUNT }, (_, connection) => [
    ...(connection > 0 && reset ? [reset] : []),
    ...(opening?.includes('data:') ? ['stream-open'] : []),
    ...Array.from({ length: EVENTS_PER_CONNECTION }, (_, index) => ({ n: connection * EVENTS_PER_CONNECTION + index })),
    ...(closing ? ['</stream>'] : []),
  ]).flat()
}
