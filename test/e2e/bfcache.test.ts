/** A page in the back/forward cache is frozen, and comes back as it was: its feed goes on, whatever became of the connection. */
import type { Page } from 'playwright'
import { expect, test } from 'vitest'
import type { Scenario } from '../../mock-server/scenario/scenario.ts'
import { type Stage, useStages } from './test-page.ts'

// Playwright switches the cache off; it works in a headless browser as well.
const open = useStages({ ignoreDefaultArgs: ['--disable-back-forward-cache'] })

declare global {
  /** In the page: the numbers that came, the states of the feed, and what the browser said of the page's life. */
  var life: { seen: number[]; statuses: string[]; codes: string[]; signs: string[] }
}

/** Listens to the feed; there is no next attempt within an hour, unless the page's return brings it. */
const listen = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const life = { seen: [] as number[], statuses: [] as string[], codes: [] as string[], signs: [] as string[] }
    globalThis.life = life
    for (const type of ['pagehide', 'freeze', 'resume', 'pageshow']) {
      addEventListener(
        type,
        (event) => life.signs.push(`${type}${'persisted' in event ? ` ${String(event.persisted)}` : ''}`),
        true,
      )
    }
    const client = Rivulet.createClient({ retry: { delay: 3_600_000, maxDelay: 3_600_000, jitter: false } })
    const feed = client.subscribe<{ number: number }>('/api/stream', {
      onStateChange({ status, error }) {
        life.statuses.push(status)
        if (error) life.codes.push(error.code)
      },
    })
    feed.on('number', ({ data }) => life.seen.push(data))
  })

const hasSeen = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction((least) => globalThis.life.seen.length >= least, count)

/** Sends the numbers from one to another, which is not among them. */
function send({ server }: Stage, from: number, to: number): void {
  for (let data = from; data < to; data++) server.broadcast({ type: 'number', data })
}

/** A page that listens, and was left. */
async function openLeft(heartbeat: number, scenario: Scenario = []): Promise<Stage> {
  const stage = await open({ server: { heartbeat, scenario } })
  await listen(stage.page)
  await expect.poll(() => stage.server.clients.length).toBeGreaterThan(0)
  send(stage, 0, 10)
  await hasSeen(stage.page, 10)
  await stage.page.goto(`${stage.server.url}/?elsewhere`)
  return stage
}

/** Goes back; `load` is not waited for: it has long been. */
async function goBack({ page }: Stage): Promise<void> {
  await page.goBack({ waitUntil: 'commit' })
  await page.waitForFunction(() => globalThis.life.signs.includes('pageshow true'))
}

const frozen = ['pagehide true', 'freeze', 'resume', 'pageshow true']
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number)

test('[F41] a connection that outlived the cache goes on', async () => {
  await using stage = await openLeft(30_000)
  const { server, page } = stage
  const before = server.clients.map(({ id }) => id)
  send(stage, 10, 20)
  await goBack(stage)
  await hasSeen(page, 20)
  send(stage, 20, 30)
  await hasSeen(page, 30)
  const { seen, signs, statuses } = await page.evaluate(() => globalThis.life)
  expect(signs).toEqual(frozen)
  expect(seen).toEqual(numbers(30))
  // It was never cut, nor opened anew.
  expect(statuses).toEqual(['connecting', 'open'])
  expect(server.clients.map(({ id }) => id)).toEqual(before)
})

test('[P2.3] [F41] a connection that broke in the cache is replaced at once', async () => {
  await using stage = await openLeft(30_000)
  const { server, page } = stage
  server.service.drop()
  await expect.poll(() => server.clients.length).toBe(0)
  send(stage, 10, 20)
  await goBack(stage)
  await hasSeen(page, 20)
  const { seen, signs, statuses } = await page.evaluate(() => globalThis.life)
  expect(signs).toEqual(frozen)
  expect(seen).toEqual(numbers(20))
  expect(statuses).toEqual(['connecting', 'open', 'waiting', 'connecting', 'open'])
})

test('[P2.3] [F4] [F41] a connection that died in the cache without a word is noticed by the clock, and replaced at once', async () => {
  // Two connections fall silent, after the greeting and ten numbers, and stay open.
  await using stage = await openLeft(500, { 'stall-after': 11, times: 2 })
  const { page } = stage
  const witness = await page.context().newPage()
  await witness.goto(stage.server.url)
  await listen(witness)
  await expect.poll(() => stage.server.clients.length).toBe(2)
  send(stage, 10, 20)
  // A page that was awake all the time has noticed its own: so much time has passed.
  await witness.waitForFunction(() => globalThis.life.codes.includes('idle'))
  await goBack(stage)
  await hasSeen(page, 20)
  const { seen, codes, signs } = await page.evaluate(() => globalThis.life)
  expect(signs).toEqual(frozen)
  expect(seen).toEqual(numbers(20))
  expect(codes).toEqual(['idle'])
})
