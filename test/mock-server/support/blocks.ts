/** A naive parser of event streams, independent of the SDK's. */

export interface Block {
  type: string
  data: string | undefined
  id: string | undefined
  comment: string | undefined
  retry: string | undefined
}

/** Returns the complete blocks of a text; whatever follows the last blank line is ignored. */
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

/** Returns the blocks that a client dispatches as events. */
export const eventsOf = (text: string): Block[] => blocksOf(text).filter(({ data }) => data !== undefined)

/** Parses the data of an event. */
export function dataOf(block: Block | undefined): Record<string, unknown> {
  if (block?.data === undefined) throw new Error('The block has no data')
  return JSON.parse(block.data) as Record<string, unknown>
}

/** Returns the text of a run, joined from its deltas. */
export const textOf = (events: readonly Block[]): string =>
  events
    .filter(({ type }) => type === 'delta')
    .map((event) => dataOf(event)['content'] as string)
    .join('')
