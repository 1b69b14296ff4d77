/** Recordings: event streams as text, and files with the responses of a real server. */
import type { Frame } from '../stream/frame.ts'

/** A response of a real server. */
export interface RecordedResponse {
  readonly method: string
  /** Path of the request, without its query. */
  readonly path: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The contents of a file that `rivulet mock --record` writes. */
export interface Recording {
  readonly recording: 1
  readonly responses: readonly RecordedResponse[]
}

/** An event stream, split into frames. */
export interface RecordedStream {
  readonly frames: readonly Frame[]
  /** Line ending of the stream. */
  readonly newline: 'lf' | 'crlf'
}

/** Returns the frame of a block: its text unchanged, and the fields that faults alter. */
function parseBlock(encoded: string): Frame {
  const data: string[] = []
  let [type, id] = ['', undefined as string | undefined]
  for (const line of encoded.split('\n')) {
    const [, name = line, value = ''] = /^([^:]*): ?([^]*)$/.exec(line) ?? []
    if (name === 'data') data.push(value)
    else if (name === 'event') type = value
    else if (name === 'id' && !value.includes('\0')) id = value
  }
  return {
    encoded,
    ...(type && !type.includes('\0') && { type }),
    ...(id !== undefined && { id }),
    ...(data.length > 0 && { data: data.join('\n') }),
  }
}

/** Splits an event stream into frames. What follows the last blank line is sent as it is, without a blank line. */
export function parseStream(text: string): RecordedStream {
  const normalized = text.replace(/\r\n?/g, '\n')
  const blocks = normalized.match(/[^]*?\n\n+|[^]+$/g) ?? []
  const frames = blocks.map((block): Frame => {
    const frame = parseBlock(block)
    if (block.endsWith('\n\n')) return frame
    // A client does not dispatch it, so that it does not count as an event.
    return { encoded: block }
  })
  return { frames, newline: text.includes('\r\n') ? 'crlf' : 'lf' }
}

const isText = (value: unknown): value is string => typeof value === 'string'

function parseResponse(value: unknown, name: string): RecordedResponse {
  const { method, path, status, headers, body } = Object(value) as Record<string, unknown>
  const hasTexts = isText(method) && isText(path) && isText(body)
  const isComplete = hasTexts && Number.isInteger(status) && Object.values(Object(headers)).every(isText)
  if (!isComplete) throw new TypeError(`${name}: expected { method, path, status, headers, body }`)
  if (Number(status) < 200 || Number(status) > 599) throw new TypeError(`${name}.status: expected 200 to 599`)
  return value as RecordedResponse
}

/**
 * Parses a recording: a file that `--record` has written, or an event stream, which becomes the only response.
 * @throws `TypeError` for JSON that is not a recording, and for text without events
 */
export function parseRecording(text: string): readonly RecordedResponse[] {
  if (/^\s*\{/.test(text)) {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (error) {
      throw new TypeError(`recording: invalid JSON: ${(error as Error).message}`, { cause: error })
    }
    const { recording, responses } = value as Record<string, unknown>
    if (recording !== 1 || !Array.isArray(responses))
      throw new TypeError('recording: expected { "recording": 1, "responses": […] }')
    return responses.map((response, index) => parseResponse(response, `recording.responses[${index}]`))
  }
  if (!parseStream(text).frames.some(({ data }) => data !== undefined))
    throw new TypeError('recording: expected an event stream, or a file written by --record')
  const headers = { 'content-type': 'text/event-stream; charset=utf-8' }
  return [{ method: '*', path: '*', status: 200, headers, body: text }]
}
