/** A client that is a plain `fetch`: it reads as far as a test needs. */
import { type Block, blocksOf } from './blocks.ts'

export interface Reading {
  readonly response: Response
  /** What came so far. */
  readonly text: string
  readonly blocks: Block[]
  readonly events: Block[]
  /** Settles once there are so many events. */
  take(count: number): Promise<Block[]>
  /** Reads on by one chunk; throws at the end. */
  read(): Promise<void>
  /** Settles once the text contains this. */
  until(text: string): Promise<void>
  /** Reads to the end: `end`, or the error with which the body broke. */
  rest(): Promise<{ events: Block[]; error: unknown }>
  /** Lets go of the connection. */
  leave(): void
}

type Fetch = (input: string, init?: RequestInit) => Promise<Response>

/** Opens a stream. The head has come when it settles. */
export async function openReading(
  url: string,
  init: RequestInit = {},
  fetch: Fetch = globalThis.fetch,
): Promise<Reading> {
  const gone = new AbortController()
  const response = await fetch(url, { ...init, signal: gone.signal })
  const reader = response.body?.getReader()
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let text = ''
  const readOn = async (): Promise<boolean> => {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
    if (!done) text += decoder.decode(value, { stream: true })
    return !done
  }
  const eventsNow = (): Block[] => blocksOf(text).filter(({ data }) => data !== undefined)
  const when = async (what: string, met: () => boolean): Promise<void> => {
    while (!met()) if (!(await readOn())) throw new Error(`The stream ended before ${what}; came: ${text}`)
  }
  return {
    response,
    get text() {
      return text
    },
    get blocks() {
      return blocksOf(text)
    },
    get events() {
      return eventsNow()
    },
    async take(count) {
      await when(`${count} events`, () => eventsNow().length >= count)
      return eventsNow()
    },
    async read() {
      if (!(await readOn())) throw new Error(`The stream ended; came: ${text}`)
    },
    until: (part) => when(JSON.stringify(part), () => text.includes(part)),
    async rest() {
      try {
        while (await readOn());
        return { events: eventsNow(), error: undefined }
      } catch (error) {
        return { events: eventsNow(), error }
      }
    },
    leave: () => gone.abort(),
  }
}
