/** Reads the replies of the scripts, and checks that no page has a hole. */
import type { Appended, Claim, LogEvent, LogState, Page, Refusal, RunRecord } from '../log/event-log.ts'

/** A reply of a script, read value by value. */
interface ReplyReader {
  readonly isEmpty: boolean
  readonly text: () => string
  readonly number: () => number
}

function readReply(name: string, reply: unknown): ReplyReader {
  const fail = (): never => {
    throw new TypeError(`Unexpected reply of Redis: ${name}. The client must return texts and numbers, not buffers.`)
  }
  if (!Array.isArray(reply)) return fail()
  const values: readonly unknown[] = reply
  let next = 0
  return {
    get isEmpty() {
      return next >= values.length
    },
    text: () => {
      const value = values[next++]
      return typeof value === 'string' ? value : fail()
    },
    number: () => {
      const value = values[next++]
      return typeof value === 'number' ? value : fail()
    },
  }
}

export function parseAppended(reply: unknown): Appended {
  const values = readReply('append', reply)
  if (values.text() === 'refused') return { refused: values.text() as Refusal, head: values.number() }
  return { position: values.number(), epoch: values.text() }
}

export function parseClaim(reply: unknown): Claim {
  const values = readReply('claim', reply)
  const role = values.text() as Claim['role']
  if (role === 'producer') return { role, token: values.number(), isCancelled: values.number() === 1 }
  if (role === 'reader') return { role, stream: values.text() }
  return { role }
}

export function parseRecord(reply: unknown): RunRecord | undefined {
  const values = readReply('find', reply)
  if (values.isEmpty) return undefined
  return {
    owner: values.text(),
    state: values.text() as LogState,
    isStopped: values.number() === 1,
    readers: values.number(),
    unreadFor: values.number(),
  }
}

/**
 * Returns the page that follows position `after`. Redis may have evicted events, or lost them in a failover: then `first`
 * says that events are missing, and the page ends before a further hole, so that no event is skipped silently.
 */
export function parsePage(reply: unknown, after: number): Page | undefined {
  const values = readReply('read', reply)
  if (values.isEmpty) return undefined
  const epoch = values.text()
  const page = { first: values.number(), head: values.number(), nonce: values.text(), previousNonce: values.text() }
  const state = values.text() as LogState
  const events: LogEvent[] = []
  let hasHole = false
  while (!values.isEmpty && !hasHole) {
    const event = { position: values.number(), nonce: values.text(), frame: values.text() }
    const previous = events.at(-1)
    hasHole = previous !== undefined && event.position !== previous.position + 1
    if (!hasHole) events.push(event)
  }
  const next = events[0]?.position ?? page.head + 1
  const isNextMissing = next > Math.max(after + 1, page.first)
  return { epoch, ...page, first: isNextMissing ? next : page.first, state, events }
}
