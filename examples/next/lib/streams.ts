/** The streams of the routes. */
import { createServer } from 'rivulet/server'
import { type Price, model, parsePrompt, priceChanges } from '../../app.ts'

const server = createServer()
export const prices = server.feed<{ price: Price }>('prices')
export const answers = server.runs({
  parse: parsePrompt,
  generate: ({ body, signal }) => model(body.prompt, signal),
})

/** Sends prices from `instrumentation.ts`, which Next runs once per process. */
export async function sendPrices(): Promise<void> {
  for await (const price of priceChanges()) await prices.send('price', price).catch(console.error)
}
