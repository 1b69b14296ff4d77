/** Stands in for your application: requests, a language model, and prices that change. */
import { setTimeout as delay } from 'node:timers/promises'

/** Checks the body of a request; what it throws is answered with 400. A schema library does the same. */
export function parsePrompt(body: unknown): { prompt: string } {
  const { prompt } = Object(body) as { prompt?: unknown }
  if (typeof prompt !== 'string') throw new TypeError('prompt: expected a string')
  return { prompt }
}

/** Repeats the prompt word by word. */
export async function* model(prompt: string, signal: AbortSignal): AsyncGenerator<string> {
  for (const word of prompt.split(/(?<= )/)) {
    await delay(100, undefined, { signal })
    yield word
  }
}

export interface Price {
  symbol: string
  value: number
}

/** Yields a new price every second. */
export async function* priceChanges(): AsyncGenerator<Price> {
  for (let value = 120; ; value += Math.random() - 0.5) {
    await delay(1_000)
    yield { symbol: 'ACME', value: Math.round(value * 100) / 100 }
  }
}
