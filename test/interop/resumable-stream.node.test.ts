/** A process is killed while it generates: what readers elsewhere learn here, and with `resumable-stream`. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { createServer } from '../../server/service/create-server.ts'
import { dataOf, textOf } from '../mock-server/support/blocks.ts'
import { waitUntil } from '../mock-server/support/local-test-server.ts'
import { openStreamReader } from '../mock-server/support/stream-reader.ts'
import { connect, openLogOf, startServer } from '../server/log/redis-servers.ts'
import { mount } from '../server/support/faces.ts'
import { buildPrograms } from '../support/build-programs.mjs'
import { installProject } from './install-project.ts'
import { createContext } from './resumable-stream.ts'

let folder: string
beforeAll(() => {
  folder = installProject('resumable-stream')
}, 300_000)

/** Starts Redis and a process that generates with both; `kill` kills the process. */
async function openProducer() {
  const { port: redisPort } = await startServer()
  const programs = await buildPrograms(import.meta.url, ['producer-process'], 'producer')
  const child = spawn(process.execPath, [`${programs}producer-process.mjs`, folder, String(redisPort)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [port] = (await once(child, 'message')) as [number]
  return {
    redisPort,
    url: `http://127.0.0.1:${port}`,
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

test('[P3.9] a run whose process was killed ends with producer-lost for a reader of another process', async () => {
  const { redisPort, url, kill } = await openProducer()
  const producerReader = await openStreamReader(url, { method: 'POST', body: '{}' })
  const [start] = await producerReader.readEvents(1)
  const server = createServer({ log: openLogOf(await connect(redisPort)) })
  onTestFinished(() => server.close())
  const { handler } = server.runs({ generate: async function* () {} })
  const reader = await (await mount('node', { '/': handler })).open(`/${dataOf(start)['resume'] as string}`)
  await reader.readUntil('Half an answer')
  await kill()
  const { events } = await reader.readToEnd()
  expect(textOf(events)).toBe('Half an answer')
  expect(dataOf(events.at(-1))).toMatchObject({ code: 'producer-lost', retryable: true })
  expect((await producerReader.readToEnd()).error).toBeDefined()
})

test('the reader of a stream of resumable-stream whose process was killed waits, however often it looks', async () => {
  const { redisPort, kill } = await openProducer()
  let looks = 0
  const context = await createContext(folder, await connect(redisPort), { interval: 1, onLook: () => void looks++ })
  onTestFinished(() => context.close())
  const reader = (await context.resumeExistingStream('answer'))!.getReader()
  expect(await reader.read()).toEqual({ done: false, value: 'Half an answer' })
  await kill()
  let isPending = true
  const settle = (): void => void (isPending = false)
  const reading = reader.read().then(settle, settle)
  const looksBefore = looks
  await waitUntil(() => looks >= looksBefore + 100 || !isPending)
  expect(isPending).toBe(true)
  await reader.cancel()
  await reading
})
