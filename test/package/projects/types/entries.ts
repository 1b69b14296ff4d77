/** Uses the entries other than the client, as the author of a page would. */
import { EventSource, install } from 'rivulet/event-source'
import { EventStreamContentType, type FetchEventSourceInit, fetchEventSource } from 'rivulet/fetch-event-source'
import { EventStreamDecoderStream, createParser, encodeEvent, parseEventStream } from 'rivulet/parser'

install()
// The class is assignable to the platform's EventSource.
const source: globalThis.EventSource = new EventSource('/stream', {
  headers: { 'x-own': '1' },
  retry: ({ delay }) => delay * 2,
})
// oxlint-disable-next-line unicorn/prefer-add-event-listener -- the property's type is under test
source.onmessage = ({ data, lastEventId }) => console.log(data, lastEventId)
export class Named extends EventSource {
  readonly title: string = `${this.url} ${this.readyState === EventSource.OPEN}`
}
export const named = new Named('/stream')
named.addEventListener('price', ({ data }) => console.log(data))
// @ts-expect-error -- the URL must be a string or a URL
export const wrong = new EventSource(1)

const init: FetchEventSourceInit = {
  headers: { accept: EventStreamContentType },
  onmessage: ({ id, event, data, retry }) => console.log(id, event, data, (retry ?? 0) + 1),
  onerror(error: Error) {
    throw error
  },
}
export const done: Promise<void> = fetchEventSource('/stream', init)

export async function read(response: Response): Promise<string> {
  let text = ''
  for await (const { type, data, id } of parseEventStream(response)) text += encodeEvent({ type, data, id })
  const parser = createParser({ onEvent: (event) => (text += event.data) })
  parser.push(new Uint8Array([10]))
  const events = new Response(text).body?.pipeThrough(new EventStreamDecoderStream({ maxEventSize: 1_000 }))
  return `${text} ${(await events?.getReader().read())?.value?.data satisfies string | undefined}`
}
