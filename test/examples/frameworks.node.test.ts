/** The examples for one process, in the frameworks that they are written for. */
import { describe, expect, test } from 'vitest'
import { bearer } from '../../src/index.ts'
import { checkCancel, checkFeed, checkInvalid, checkRun } from './check-example.ts'
import { registerExampleCases } from './example-cases.ts'
import { startJwtIssuer } from './jwt-issuer.ts'
import { startExample } from './start-example.ts'

describe.each(['node-http', 'fastify', 'hono'])('examples/%s.ts', (name) => registerExampleCases(name))

describe('examples/express.ts', () => {
  test('a feed is resumed without a loss, a run is resumed, joined and cancelled', async () => {
    const { env, issue } = await startJwtIssuer()
    const auth = bearer(await issue('ann'))
    await checkFeed(await startExample('express', env), { auth })
    const example = await startExample('express', env)
    await checkRun(example, { auth })
    await checkCancel(example, { auth })
    await checkInvalid(example, { authorization: `Bearer ${await issue('ann')}` })
    expect(await example.stop()).toBe(0)
  })

  test('a request without a token, or with one of another audience, gets a 401', async () => {
    const { env, issue } = await startJwtIssuer()
    const { url } = await startExample('express', env)
    const statusOf = async (authorization?: string): Promise<number> => {
      const response = await fetch(`${url}/api/prices`, { headers: authorization ? { authorization } : {} })
      await response.body?.cancel()
      return response.status
    }
    expect(await statusOf()).toBe(401)
    expect(await statusOf('Bearer nonsense')).toBe(401)
    expect(await statusOf(`Bearer ${await issue('ann', 'another audience')}`)).toBe(401)
    expect(await statusOf(`Bearer ${await issue('ann')}`)).toBe(200)
  })

  test('a run of another subject looks as if it did not exist', async () => {
    const { env, issue } = await startJwtIssuer()
    const { url } = await startExample('express', env)
    const start = await fetch(`${url}/api/generate`, {
      method: 'POST',
      body: '{"prompt":"private"}',
      headers: { authorization: `Bearer ${await issue('ann')}` },
    })
    const reader = start.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!text.includes('"resume"')) text += (await reader.read()).value
    const resume = /"resume":"(.*?)"/.exec(text)![1]!
    const address = new URL(resume, start.url)
    const headers = { authorization: `Bearer ${await issue('bob')}` }
    expect((await fetch(address, { headers })).status).toBe(404)
    expect((await fetch(address, { headers, method: 'DELETE' })).status).toBe(404)
    await reader.cancel()
    const owner = { authorization: `Bearer ${await issue('ann')}` }
    expect((await fetch(address, { headers: owner, method: 'DELETE' })).status).toBe(204)
  })
})
