/** A user's page that reads a feed's first event and a run's text, using npm imports. */
import { createClient, isStreamError } from 'rivulet'

interface Feed {
  connected: { clientId: string; message: string }
}

const client = createClient({ baseUrl: location.origin })
try {
  const feed = client.subscribe<Feed>('/api/stream')
  const connected = await new Promise<string>((resolve) => {
    feed.on('connected', ({ data }) => resolve(data.clientId))
  })
  feed.close()
  const run = client.stream('/api/generate', { json: { prompt: '你好' } })
  const { text } = await run.final()
  document.title = JSON.stringify({ connected, text })
} catch (error) {
  document.title = isStreamError(error) ? error.code : String(error)
}
