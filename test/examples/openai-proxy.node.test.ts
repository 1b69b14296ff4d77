/** `examples/openai-proxy.ts` in front of a server with OpenAI's API that the test controls. */
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { bearer, createClient } from '../../src/index.ts'
import { waitUntil } from '../mock-server/support/local-test-server.ts'
import { startJwtIssuer } from './jwt-issuer.ts'
import { startExample } from './start-example.ts'

interface Call {
  readonly authorization: string | undefined
  readonly body: Readonly<Record<string, unknown>>
  readonly response: ServerResponse
  /** Sends one chunk of a chat completion. */
  say(content: string, more?: Readonly<Record<string, unknown>>): void
}

async function open() {
  const calls: Call[] = []
  const upstream = createServer(async (request, response) => {
    const { authorization } = request.headers
    const body = JSON.parse(await text(request)) as Record<string, unknown>
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    const say: Call['say'] = (content, more = {}) => {
      const choices = [{ index: 0, delta: { content }, finish_reason: null, ...more }]
      response.write(`data: ${JSON.stringify({ object: 'chat.completion.chunk', choices })}\n\n`)
    }
    calls.push({ authorization, body, response, say })
  })
  await new Promise<void>((resolve) => void upstream.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    upstream.closeAllConnections()
    upstream.close()
  })
  const { env, issue } = await startJwtIssuer()
  const example = await startExample('openai-proxy', {
    ...env,
    OPENAI_BASE_URL: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
    OPENAI_API_KEY: 'secret-key',
    OPENAI_MODEL: 'some-model',
  })
  const client = createClient({
    baseUrl: example.url,
    auth: bearer(await issue('ann')),
    retry: { delay: 1, maxDelay: 1 },
  })
  onTestFinished(() => client.close())
  const run = client.stream('/', { json: { prompt: 'Hi' } })
  const final = run.final().catch((error: unknown) => error)
  await waitUntil(() => calls.length === 1)
  return { calls, call: calls[0]!, example, run, final }
}

test('an answer is resumed after each cut, with the finish reason and the usage, and requested once', async () => {
  const { calls, call, example, run, final } = await open()
  expect(call.authorization).toBe('Bearer secret-key')
  expect(call.body).toMatchObject({ model: 'some-model', stream: true, messages: [{ role: 'user', content: 'Hi' }] })
  for (const content of ['One', ', two']) {
    call.say(content)
    await waitUntil(() => run.text.endsWith(content))
    example.cut()
  }
  call.say(', three', { finish_reason: 'length' })
  const usage = { prompt_tokens: 1, completion_tokens: 5, total_tokens: 6 }
  call.response.end(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`)
  expect(await final).toMatchObject({
    text: 'One, two, three',
    finishReason: 'length',
    usage: { inputTokens: 1, outputTokens: 5 },
  })
  expect(calls).toHaveLength(1)
})

test('an answer that the model cuts short is an error, not a complete answer', async () => {
  const { call, run, final } = await open()
  call.say('Half of')
  await waitUntil(() => run.text === 'Half of')
  call.response.end()
  expect(await final).toMatchObject({
    code: 'server',
    serverCode: 'upstream-truncated',
    retryable: true,
    partial: 'Half of',
  })
})

test('canceling the run closes the request to the model', async () => {
  const { call, run, final } = await open()
  call.say('Half of')
  await waitUntil(() => run.text === 'Half of')
  await run.cancel()
  expect(await final).toMatchObject({ text: 'Half of', finishReason: 'cancelled' })
  await waitUntil(() => call.response.destroyed)
})
