/** A resumable proxy for a model with OpenAI's API, whose key stays on the server. */
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openaiChat } from 'rivulet/openai'
import { createServer, deltasOf } from 'rivulet/server'
import { toNode } from 'rivulet/server/node'
import { parsePrompt } from './app.ts'
import { authenticate } from './authenticate.ts'

const base = process.env['OPENAI_BASE_URL'] ?? 'https://api.openai.com/v1'
const headers = { authorization: `Bearer ${process.env['OPENAI_API_KEY']}`, 'content-type': 'application/json' }
const fixed = { model: process.env['OPENAI_MODEL'], stream: true, stream_options: { include_usage: true } }

const server = createServer({ authenticate })
const answers = server.runs({
  parse: parsePrompt,
  async *generate({ body: { prompt }, signal }) {
    const body = JSON.stringify({ ...fixed, messages: [{ role: 'user', content: prompt }] })
    const response = await fetch(`${base}/chat/completions`, { method: 'POST', headers, body, signal })
    return yield* deltasOf(response, openaiChat())
  },
})

const httpServer = createHttpServer(toNode(answers.handler)).listen(process.env['PORT'] ?? 3000, () => {
  console.log(`http://localhost:${(httpServer.address() as AddressInfo).port}`)
})
