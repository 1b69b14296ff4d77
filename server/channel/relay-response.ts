/** Sends the response to a stream's request over a channel (PROTOCOL.md 5.3). */
import { sourceOf } from '../stream/stream-response.ts'
import type { ChannelStream } from './channel-stream.ts'

/** How much is sent of a body that is not an event stream. */
const MAX_PROBLEM_BYTES = 16 * 1024
/** Headers that belong to the connection, not to the stream. */
const CONNECTION_HEADERS = /^(access-control-.*|vary|connection|content-length|content-encoding)$/

/** Reads the text of a body, up to `MAX_PROBLEM_BYTES`. */
async function readText({ body }: Response): Promise<string> {
  if (!body) return ''
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let remaining = MAX_PROBLEM_BYTES
  let text = ''
  while (remaining > 0) {
    const { done, value } = await reader.read()
    if (done) return text
    text += decoder.decode(value.subarray(0, remaining), { stream: true })
    remaining -= value.length
  }
  // The rest is not sent, so it does not matter if the cancellation fails.
  reader.cancel().catch(() => undefined)
  return text
}

/** Sends a response; `path` is what the client has requested. */
export async function relayResponse(stream: ChannelStream, response: Response, path: string): Promise<void> {
  // A network error: the handler has no response.
  if (response.type === 'error') return stream.fail(502, 'The connection was cut.')
  const { status } = response
  const headers = Object.fromEntries([...response.headers].filter(([name]) => !CONNECTION_HEADERS.test(name)))
  const open = { status, headers, url: path }
  const source = sourceOf(response)
  if (source) return stream.start(source, open)
  if (status === 200 && response.headers.get('content-type')?.startsWith('text/event-stream')) {
    response.body?.cancel().catch(() => undefined)
    return stream.fail(502, 'The response is not a stream of this server, so a channel cannot carry it.')
  }
  stream.respond(status, open, await readText(response))
}
