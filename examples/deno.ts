/** The streams in Deno. */
import { answers, prices, sendPrices, server } from './streams.ts'

const routes = new Map([
  ['/api/prices', prices.handler],
  ['/api/generate', answers.handler],
])

Deno.serve(
  {
    port: Number(Deno.env.get('PORT') ?? 3000),
    onListen: ({ port }) => console.log(`http://localhost:${port}`),
  },
  (request) => routes.get(new URL(request.url).pathname)?.(request) ?? new Response('Not Found', { status: 404 }),
)
void sendPrices()

Deno.addSignalListener('SIGTERM', async () => {
  await server.close({ grace: 5_000 })
  Deno.exit()
})
