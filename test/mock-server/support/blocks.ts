/** Blocks of an event stream as a client reads them, by a naive reading of the standard. */

export interface Block {
  type: string
  data: string | undefined
  id: string | undefined
  comment: string | undefined
  retry: string | undefined
}

/** The whole blocks of a text; what is after the last blank line is left out. */
export function blocksOf(text: string): Block[] {
  const lines = text.replace(/^\ufeff/, '').replaceAll(/\r\n?/g, '\n')
  return lines
    .split('\n\n')
    .slice(0, -1)
    .map((block) => {
      const parsed: Block = { type: 'message', data: undefined, id: undefined, comment: undefined, retry: undefined }
      for (const line of block.split('\n')) {
        const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line)!
        if (name === '') parsed.comment = value
        else if (name === 'event') parsed.type = value!
        else if (name === 'data') parsed.data = parsed.data === undefined ? value : `${parsed.data}\n${value}`
        else if (name === 'id') parsed.id = value
        else if (name === 'retry') parsed.retry = value
      }
      return parsed
    })
}

/** Those that a client dispatches. */
export const eventsOf = (text: string): Block[] => blocksOf(text).filter(({ data }) => data !== undefined)

/** An event's data. */
export function dataOf(block: Block | undefined): Record<string, unknown> {
  if (block?.data === undefined) throw new Error('There is no data')
  return JSON.parse(block.data) as Record<string, unknown>
}

/** The text of a run: its deltas, one after the other. */
export const textOf = (events: readonly Block[]): string =>
  events
    .filter(({ type }) => type === 'delta')
    .map((event) => dataOf(event)['content'] as string)
    .join('')
