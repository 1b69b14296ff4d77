/** Uses the client, as the author of a page would; must compile with the language and DOM types only. */
import type { StreamError } from 'rivulet'
import { apiKey, bearer, createClient, isStreamError } from 'rivulet'
import { createMock } from 'rivulet/mock'
import { openaiChat } from 'rivulet/openai'

interface Feed {
  connected: { clientId: string; message: string }
  price: { symbol: string; value: number }
}

const client = createClient({ baseUrl: 'https://api.example.com', auth: bearer(() => 'token') })
export const other = createClient({ auth: apiKey('key', { header: 'X-API-Key' }) })

export async function read(): Promise<number> {
  let sum = 0
  const feed = client.subscribe<Feed>('/api/stream')
  const off: () => void = feed.on('price', ({ data }) => {
    sum += data.value
  })
  off()
  for await (const event of client.subscribe<Feed>('/api/stream')) {
    if (event.type === 'price') sum += event.data.value
  }
  // @ts-expect-error -- the feed has no such event
  feed.on('prize', () => {})
  feed.close()
  return sum
}

export async function answer(): Promise<string> {
  const run = client.stream('/v1/chat/completions', { protocol: openaiChat(), json: { stream: true } })
  let text = ''
  for await (const delta of run) if (delta.type === 'text') text += delta.content
  const { finishReason } = await run.final()
  return `${text} ${finishReason}`
}

export function describe(error: unknown): string {
  if (isStreamError(error, 'http')) return `${error.status satisfies number} ${error.headers.get('retry-after')}`
  return isStreamError(error) ? (error satisfies StreamError).code : 'unknown'
}

export const mocked = createClient({ baseUrl: 'https://mock.test', fetch: createMock().fetch })
