/** A feed of a real NestJS application: four connections of five events each. */
import { readFileSync } from 'node:fs'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { blocks } from '../docs/markdown.ts'
import { type NestServer, loadNestServer } from './nestjs-server.ts'
import { readFeed } from './read-feed.ts'

let startServer: () => Promise<NestServer>
beforeAll(async () => {
  startServer = await loadNestServer()
}, 300_000)

async function openServer(): Promise<string> {
  const server = await startServer()
  onTestFinished(() => server.close())
  return server.url
}

const price = (n: number) => ({ n, value: 100 + n })
const prices = Array.from({ length: 20 }, (_, n) => price(n))

test('all events of a NestJS handler that sets ids and reads Last-Event-ID arrive once, without a reset', async () => {
  const { log, errors, requestedIds } = await readFeed(`${await openServer()}/prices`)
  expect(log).toEqual(prices)
  expect(errors).toEqual([])
  expect(requestedIds).toEqual([null, '4', '9', '14', '19'])
})

test('all events of a NestJS handler without ids arrive once, and each reconnect is reported', async () => {
  const { log, ids, errors } = await readFeed(`${await openServer()}/numbered-by-nestjs`)
  expect(log).toEqual([
    ...prices.slice(0, 5),
    'ids-not-unique',
    ...prices.slice(5, 10),
    'ids-not-unique',
    ...prices.slice(10, 15),
    'ids-not-unique',
    ...prices.slice(15),
  ])
  expect(ids.join()).toBe(Array.from({ length: 4 }, () => '1,2,3,4,5').join())
  expect(errors).toEqual([])
})

test('docs/your-server.md shows the controller of these tests', () => {
  const block = blocks.find(({ document, language }) => document === 'docs/your-server.md' && language === 'typescript')
  expect(block?.code).toBe(readFileSync(new URL('projects/nestjs/prices.controller.ts', import.meta.url), 'utf8'))
})
