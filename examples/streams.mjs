/** The streams that the examples serve: a feed of prices, and answers of a model. */
import { createServer } from 'rivulet/server'

export const server = createServer()

export const prices = server.feed('prices')
let value = 120
setInterval(() => {
  value = Math.round(value * (0.98 + Math.random() * 0.04) * 100) / 100
  // Fails only if the feed is overloaded: the next price is as good.
  prices.send('price', { symbol: 'ACME', value }).catch(() => {})
}, 1_000).unref()

/** Stands for a model: says the prompt word by word. */
async function* model(prompt, signal) {
  for (const word of prompt.split(' ')) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    if (signal.aborted) return
    yield `${word} `
  }
}

export const answers = server.runs({
  parse(body) {
    if (typeof body.prompt !== 'string') throw new TypeError('prompt: expected a string')
    return { prompt: body.prompt }
  },
  async *generate({ body, signal }) {
    for await (const token of model(body.prompt, signal)) yield token
  },
})
