/** The tests that hold on every platform whose `fetch` streams. */
import { expect, test } from 'vitest'
import type { program } from './program.ts'
import { answer, feedIds, feedLog, startPlatformServer } from './server.ts'

/** Calls a function of `program` on the platform, with the URL of the server; resolves with its result. */
export type Call = (name: keyof typeof program, url: string) => Promise<unknown>

/** Registers the tests in the current `describe`. */
export function registerPlatformCases(call: Call): void {
  test('a feed resumes after an ID outside ASCII, which arrives encoded once', async () => {
    const server = await startPlatformServer()
    expect(await call('readFeed', server.url)).toEqual(feedLog)
    expect(server.requestedIds).toEqual(feedIds)
  })

  test('a run whose connection is reset resumes and completes', async () => {
    const server = await startPlatformServer()
    expect(await call('readRun', server.url)).toEqual({ text: answer, deltas: answer, finishReason: 'stop' })
    expect(server.runRequests()).toBe(2)
  })

  test('the error of a refused response has its status and its text', async () => {
    const server = await startPlatformServer()
    expect(await call('readRefusal', server.url)).toEqual({ code: 'http', status: 403, body: 'Only for members: 日本' })
  })

  test('close() closes the connection', async () => {
    const server = await startPlatformServer()
    expect(await call('closeFeed', server.url)).toBe('closed')
  })

  test('no credential reaches the other origin of a redirect', async () => {
    const server = await startPlatformServer()
    expect(await call('followRedirects', server.url)).toEqual(['redirected', 'redirected'])
    expect(server.redirected.map((headers) => [headers.authorization, headers['x-api-key']])).toEqual([
      ['Bearer SECRET', undefined],
      [undefined, 'SECRET'],
    ])
    expect(JSON.stringify(server.foreign)).not.toContain('SECRET')
    expect(server.foreign).toHaveLength(2)
  })

  test('an EventSource calls each handler once per event', async () => {
    const server = await startPlatformServer()
    expect(await call('readEventSource', server.url)).toEqual([
      'open',
      ['1', '日本 é 1'],
      ['2', '日本 é 2'],
      'network',
      'error, state 0',
      'open',
      ['3', '日本 é 3'],
      'network',
      'error, state 0',
      'http',
      'error, state 2',
    ])
    expect(server.requestedIds).toEqual(feedIds)
  })
}
