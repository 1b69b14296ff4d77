/** The streams that the examples serve: a feed of prices, and runs that answer prompts. */
import { createServer } from 'rivulet/server'
import { type Price, model, parsePrompt, priceChanges } from './app.ts'

export const server = createServer()

export const prices = server.feed<{ price: Price }>('prices')

export const answers = server.runs({
  parse: parsePrompt,
  generate: ({ body, signal }) => model(body.prompt, signal),
})

/** Sends every price; a price that cannot be stored is left out. */
export async function sendPrices(): Promise<void> {
  for await (const price of priceChanges()) await prices.send('price', price).catch(console.error)
}
