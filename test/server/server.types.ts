/** What must and what must not compile with the server. */
import { createServer, deltasOf } from '../../server/index.ts'
import { openaiChat } from '../../src/protocols/openai-chat.ts'

interface Prices {
  price: { symbol: string; value: number }
  close: null
}

const server = createServer({ authenticate: () => ({ subject: 'ann', isAdmin: true }) })
const prices = server.feed<Prices>('prices', { authorize: ({ isAdmin }) => isAdmin })

void prices.send('price', { symbol: 'ACME', value: 1 })
void prices.send('close', null)
// @ts-expect-error: the type of an event that the feed does not have
void prices.send('open', null)
// @ts-expect-error: the data of another event
void prices.send('price', null)

server.runs({
  parse: (body) => ({ prompt: String(body) }),
  async *generate({ body, identity, signal }) {
    const admin: boolean = identity.isAdmin
    const prompt: string = body.prompt
    yield `${prompt} ${String(admin)} ${String(signal.aborted)}`
    yield { type: 'reasoning', content: 'hm', block: 0 }
    return { finishReason: 'length' }
  },
  onEnd: ({ identity, outcome }) => void [identity.isAdmin, outcome === 'cancelled'],
})
server.runs<{ url: string }>({
  async *generate({ body, signal }) {
    return yield* deltasOf(await fetch(body.url, { signal }), openaiChat())
  },
})
server.runs({
  // @ts-expect-error: a tool call has arguments, not content
  async *generate() {
    yield { type: 'tool-call', content: 'hm', block: 0 }
  },
})
// @ts-expect-error: an identity needs a subject
createServer({ authenticate: () => ({ name: 'ann' }) })

const answers = server.runs<{ prompt: string }>({
  async *generate({ body }) {
    yield body.prompt
  },
})
server.channel({ routes: { '/api/prices': prices, '/api/answers': answers } })
server.channel({ routes: (path) => (path.startsWith('/api/') ? prices : undefined), maxStreams: 10 })
// @ts-expect-error: a channel without routes would carry nothing
server.channel({})
// @ts-expect-error: a handler by itself does not say that it is a feed or runs
server.channel({ routes: { '/api/prices': prices.handler } })
