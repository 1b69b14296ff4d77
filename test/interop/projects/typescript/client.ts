/** Uses the main entry. */
import { bearer, createClient, isStreamError } from 'rivulet'

const client = createClient({ baseUrl: 'http://localhost', auth: bearer('token'), headers: { 'x-own': '1' } })

export async function read(): Promise<number> {
  let sum = 0
  for await (const { data } of client.subscribe<{ price: number }>('/api/stream')) sum += data
  return sum
}

export async function answer(): Promise<string> {
  try {
    return (await client.stream('/api/generate', { json: { prompt: 'Hi' } }).final()).text
  } catch (error) {
    return isStreamError(error, 'http') ? `${error.status} ${error.headers.get('retry-after')}` : 'failed'
  }
}
