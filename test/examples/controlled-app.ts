/** Takes the place of `examples/app.ts`: the test writes the answers and sends the prices. */
import type { Price } from '../../examples/app.ts'

export { parsePrompt } from '../../examples/app.ts'

/** What a test tells an example. */
export type Command =
  | { readonly type: 'say'; readonly prompt: string; readonly text: string }
  | { readonly type: 'end'; readonly prompt: string }
  | { readonly type: 'price'; readonly price: Price }

/** What an example reports. */
export type Report =
  | { readonly type: 'generate'; readonly prompt: string; readonly pid: number }
  | { readonly type: 'abort'; readonly prompt: string }

/** How the two talk: a test in the same process sets the global, a child process uses its own messages. */
export interface Channel {
  on(event: 'message', listener: (command: Command) => void): unknown
  send?(report: Report): unknown
}

const channel: Channel = (globalThis as { exampleChannel?: Channel }).exampleChannel ?? process

/** Yields what `take` returns of each command, until it returns `null`. */
async function* commands<T>(take: (command: Command) => T | null | undefined): AsyncGenerator<T> {
  const taken: (T | null)[] = []
  let wake = (): void => undefined
  channel.on('message', (command) => {
    const value = take(command)
    if (value === undefined) return
    taken.push(value)
    wake()
  })
  for (;;) {
    const value = taken.shift()
    if (value === null) return
    if (value !== undefined) yield value
    else await new Promise<void>((resolve) => (wake = resolve))
  }
}

export function model(prompt: string, signal: AbortSignal): AsyncGenerator<string> {
  const texts = commands((command) => {
    if (!('prompt' in command) || command.prompt !== prompt) return undefined
    return command.type === 'say' ? command.text : null
  })
  signal.addEventListener('abort', () => void channel.send?.({ type: 'abort', prompt }))
  // The first call of `next` adds the listener, before the test learns of the generation.
  const first = texts.next()
  channel.send?.({ type: 'generate', prompt, pid: process.pid })
  return (async function* () {
    const { done, value } = await first
    if (done) return
    yield value
    yield* texts
  })()
}

export const priceChanges = (): AsyncGenerator<Price> =>
  commands((command) => (command.type === 'price' ? command.price : undefined))
