/** The chat page of docs/chat.md in Chromium, with its server and a model that the test controls: what the user sees. */
import { existsSync } from 'node:fs'
import type { Browser, Page } from 'playwright'
import { chromium } from 'playwright'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { browserArgs, findBrowser } from '../../scripts/browser.mjs'
import { waitUntil } from '../mock-server/support/local-test-server.ts'
import type { ModelCall } from './chat-site.ts'
import { programNamed, startChatSite } from './chat-site.ts'

const executablePath: string | undefined = findBrowser()
// On CI a missing browser is a failure, not a skipped test.
const missing = !executablePath && !process.env['CI'] && !existsSync(chromium.executablePath())
let browser: Browser
beforeAll(async () => {
  if (!missing) browser = await chromium.launch({ args: browserArgs, ...(executablePath && { executablePath }) })
})
afterAll(() => browser?.close())
beforeEach(() => void vi.stubEnv('ANTHROPIC_API_KEY', 'secret-key'))

/** Opens the page, and returns what a user does and sees there. */
async function open() {
  const site = await startChatSite()
  const page: Page = await browser.newPage()
  const errors: unknown[] = []
  page.on('pageerror', (error) => errors.push(error))
  onTestFinished(async () => {
    await page.close()
    await site[Symbol.asyncDispose]()
    vi.unstubAllEnvs()
    expect(errors).toEqual([])
  })
  await page.goto(site.url)
  /** Waits for the request number `count` to the model, and returns it. */
  const call = async (count: number): Promise<ModelCall> => {
    await waitUntil(() => site.calls.length >= count)
    return site.calls[count - 1]!
  }
  return {
    site,
    page,
    call,
    async send(words: string) {
      await page.getByLabel('Message').fill(words)
      await page.getByRole('button', { name: 'Send' }).click()
    },
    press: (name: string) => page.getByRole('button', { name }).click(),
    sees: (words: string) => page.getByText(words, { exact: true }).waitFor(),
    lines: () => page.locator('#log p').allTextContents(),
    /** Resolves once the user may send again. */
    idle: () => page.locator('fieldset:enabled').waitFor(),
  }
}

test('the program of the page has the 40 lines that the document promises', () => {
  expect(programNamed('chat').trimEnd().split('\n')).toHaveLength(40)
})

test.skipIf(missing)('an answer appears while it is generated, and the key stays on the server', async () => {
  const { page, call, send, sees, lines, idle } = await open()
  await send('Hello')
  const model = await call(1)
  model.say(0, 'Good ', true)
  await sees('Good')
  expect(await page.locator('fieldset:disabled').count()).toBe(1)
  model.send('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'morning.' } })
  model.end('end_turn')
  await idle()
  expect(await lines()).toEqual(['Hello', 'Good morning.'])
  expect(model.headers['x-api-key']).toBe('secret-key')
  expect(await page.content()).not.toContain('secret-key')
})

test.skipIf(missing)('a tool runs in the page, and its result goes back with the signed reasoning', async () => {
  const { call, send, lines, idle } = await open()
  await send('What time is it?')
  const first = await call(1)
  first.send('content_block_start', { index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } })
  first.send('content_block_delta', { index: 0, delta: { type: 'thinking_delta', thinking: 'A tool knows.' } })
  first.send('content_block_delta', { index: 0, delta: { type: 'signature_delta', signature: 'c2lnbmVk' } })
  first.send('content_block_stop', { index: 0 })
  const call1 = { type: 'tool_use', id: 'toolu_1', name: 'time', input: {} }
  first.send('content_block_start', { index: 1, content_block: call1 })
  first.send('content_block_delta', { index: 1, delta: { type: 'input_json_delta', partial_json: '{"zone":"UTC"}' } })
  first.send('content_block_stop', { index: 1 })
  first.end('tool_use')

  const second = await call(2)
  expect(second.body.messages).toEqual([
    { role: 'user', content: [{ type: 'text', text: 'What time is it?' }] },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'A tool knows.', signature: 'c2lnbmVk' },
        { ...call1, input: { zone: 'UTC' } },
      ],
    },
    {
      role: 'user',
      content: [
        {
          type: 'tool_result',
          tool_use_id: 'toolu_1',
          content: expect.stringMatching(/^"\d+\/\d+\/\d+, .*"$/),
          is_error: false,
        },
      ],
    },
  ])
  second.say(0, 'It is noon.')
  second.end('end_turn')
  await idle()
  expect(await lines()).toEqual(['What time is it?', 'A tool knows.', 'time', 'It is noon.'])
})

test.skipIf(missing)('a tool that fails is reported to the model, not to the user', async () => {
  const { call, send, lines, idle } = await open()
  await send('Hello')
  const first = await call(1)
  first.send('content_block_start', {
    index: 0,
    content_block: { type: 'tool_use', id: 't1', name: 'nothing', input: {} },
  })
  first.send('content_block_stop', { index: 0 })
  first.end('tool_use')
  const second = await call(2)
  const error = {
    type: 'tool_result',
    tool_use_id: 't1',
    content: expect.stringContaining('TypeError'),
    is_error: true,
  }
  expect(second.body.messages.at(-1)).toEqual({ role: 'user', content: [error] })
  second.say(0, 'Sorry.')
  second.end('end_turn')
  await idle()
  expect(await lines()).toEqual(['Hello', 'nothing', 'Sorry.'])
})

test.skipIf(missing)('Stop ends the request to the model, and keeps the text for the next question', async () => {
  const { call, send, press, sees, lines, idle } = await open()
  await send('Hello')
  const first = await call(1)
  first.say(0, 'Once upon', true)
  await sees('Once upon')
  await press('Stop')
  await idle()
  await waitUntil(() => first.response.destroyed)
  expect(await lines()).toEqual(['Hello', 'Once upon'])
  await send('Go on')
  expect((await call(2)).body.messages.map(({ content }) => content)).toEqual([
    [{ type: 'text', text: 'Hello' }],
    [{ type: 'text', text: 'Once upon' }],
    [{ type: 'text', text: 'Go on' }],
  ])
})

test.skipIf(missing)(
  'an answer that the model cuts short is an error beside its text, and Retry asks again',
  async () => {
    const { page, call, send, press, sees, lines, idle } = await open()
    await send('Hello')
    const first = await call(1)
    first.say(0, 'Half of')
    await sees('Half of')
    first.response.end()
    await idle()
    expect(await page.getByRole('alert').textContent()).toBe('The answer of the model ended early.')
    expect(await lines()).toEqual(['Hello', 'Half of'])

    await press('Retry')
    const second = await call(2)
    expect(second.body).toEqual(first.body)
    second.say(0, 'The whole.')
    second.end('end_turn')
    await idle()
    expect(await page.getByRole('alert').textContent()).toBe('')
    expect(await lines()).toEqual(['Hello', 'The whole.'])
  },
)

test.skipIf(missing)('an answer survives a cut connection and a reload, and is generated once', async () => {
  const { site, page, call, send, sees, lines, idle } = await open()
  await send('Hello')
  const model = await call(1)
  model.say(0, 'One.')
  await sees('One.')
  site.cut()
  model.say(1, 'Two.')
  await sees('Two.')
  await page.reload()
  await sees('One.')
  await sees('Two.')
  model.say(2, 'Three.')
  model.end('end_turn')
  await sees('Three.')
  await idle()
  await page.reload()
  expect(await lines()).toEqual(['Hello', 'One.', 'Two.', 'Three.'])
  expect(site.calls).toHaveLength(1)
})
