/** Runs the EventSource conformance cases in Node; test/e2e/event-source-standard.test.ts runs them in pages and workers. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EventSource } from '../../src/event-source.ts'
import { type CannedResponseServer, startCannedResponseServer } from './standard/canned-response-server.ts'
import { runCases } from './standard/case.ts'
import { cases } from './standard/cases.ts'

let server: CannedResponseServer
let results: Record<string, string>
const selected = cases.filter(({ realms }) => !realms || realms.includes('node'))

beforeAll(async () => {
  server = await startCannedResponseServer()
  results = await runCases(selected, 'node', EventSource, server)
}, 60_000)
afterAll(() => server.close())

describe('EventSource conforms to the standard', () => {
  test.each(selected)('$name', ({ name }) => {
    // Only the platform can create trusted events.
    expect(results[name]).toBe(name === 'eventsource-onmessage-trusted' ? 'Error:  false is not true' : '')
  })
})
