/** Compaction: consecutive deltas of a run as one, for readers that resume or are late (PROTOCOL.md 3.8). */
import { utf8Length } from '../base/utf8-length.ts'
import type { LogEvent } from '../log/event-log.ts'
import { encodeFrame } from '../log/frame.ts'
import type { View } from '../stream/view.ts'
import { encodeBlock } from '../stream/view.ts'

/** The data of a delta that can be joined with others. */
interface TextDelta {
  readonly type?: string
  readonly content: string
  readonly block?: number
  readonly index: number
}

interface Group {
  readonly first: TextDelta
  content: string
  bytes: number
  count: number
  last: LogEvent
}

/** How many bytes the content of one delta may have. */
const MAX_CONTENT_BYTES = 64 * 1024
const DELTA_START = 'event: delta\ndata: '
const TEXT_FIELDS = new Set(['type', 'content', 'block', 'index'])

/** Returns the data of an event if it is a delta whose content can be joined. */
function parseTextDelta({ frame }: LogEvent): TextDelta | undefined {
  if (!frame.startsWith(DELTA_START)) return undefined
  const data = JSON.parse(frame.slice(DELTA_START.length)) as TextDelta
  const isText = typeof data.content === 'string' && Object.keys(data).every((name) => TEXT_FIELDS.has(name))
  return isText ? data : undefined
}

function encodeGroup({ first, content, count, last }: Group, prefix: string): string {
  if (count === 1) return encodeBlock(last, prefix)
  const { type, block, index } = first
  const frame = encodeFrame('delta', JSON.stringify({ type, content, block, index, count }))
  return encodeBlock({ ...last, frame }, prefix)
}

/** Consecutive deltas of the same type and block as one delta; other events as they were appended. */
export const compacted: View = {
  key: 'compacted',
  encode(events, prefix) {
    let text = ''
    let group: Group | undefined
    const endGroup = (): void => {
      if (group) text += encodeGroup(group, prefix)
      group = undefined
    }
    for (const event of events) {
      const delta = parseTextDelta(event)
      if (!delta) {
        endGroup()
        text += encodeBlock(event, prefix)
        continue
      }
      const bytes = utf8Length(delta.content)
      const isSameKind = group?.first.type === delta.type && group?.first.block === delta.block
      if (!group || !isSameKind || group.bytes + bytes > MAX_CONTENT_BYTES) {
        endGroup()
        group = { first: delta, content: '', bytes: 0, count: 0, last: event }
      }
      group.content += delta.content
      group.bytes += bytes
      group.count++
      group.last = event
    }
    endGroup()
    return text
  },
}
