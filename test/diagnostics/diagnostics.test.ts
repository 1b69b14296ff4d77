/** Tests of the records that `diagnose` reports. */
import { describe, expect, test, vi } from 'vitest'
import { type Diagnostic, diagnose } from '../../src/diagnostics.ts'
import { bearer } from '../../src/request/auth.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { delta, end, start } from '../support/native-events.ts'
import { type TestClient, createTestClient } from '../support/test-client.ts'

type OmitFields<All> = All extends unknown ? Omit<All, 'time' | 'name'> : never
type DiagnosticFields = OmitFields<Diagnostic>

function createDiagnosedClient(
  options: Parameters<typeof createTestClient>[0] = {},
): TestClient & { records: DiagnosticFields[]; names: Set<string> } {
  const records: DiagnosticFields[] = []
  const names = new Set<string>()
  const instrument = diagnose(({ name, time, ...record }) => {
    names.add(name)
    expect(time).toBeGreaterThanOrEqual(0)
    // The delay depends on the wall clock, which the test does not control.
    records.push(record.type === 'retry' ? { ...record, delay: record.delay && 1 } : record)
  })
  return { ...createTestClient({ instrument, ...options }), records, names }
}

describe('diagnose', () => {
  test('records of a feed include attempts, responses, reads, a retry, a duplicate after reconnecting, and the end', async () => {
    const { client, clock, open, records } = createDiagnosedClient()
    const feed = client.subscribe('/x')
    const connection = await open()
    connection.send({ data: '1', id: '1' }, { data: '2', id: '2' })
    connection.comment(14)
    connection.disconnect()
    await flushMicrotasks()
    await clock.advance(1_000)
    const second = await open()
    second.send({ data: '2', id: '2' }, { data: '3', id: '3' })
    await flushMicrotasks()
    feed.close()
    expect(records.map((record) => ('bytes' in record ? { ...record, bytes: record.bytes > 0 } : record))).toEqual([
      { stream: 1, type: 'made', kind: 'feed', resumes: false, label: undefined },
      { stream: 1, type: 'attempt', attempt: 1, reason: 'connect' },
      { stream: 1, type: 'request', method: 'GET', lastEventId: '' },
      { stream: 1, type: 'response', status: 200, via: 'own' },
      { stream: 1, type: 'opened', reconnected: false },
      { stream: 1, type: 'read', events: 2, bytes: true, comments: 0 },
      { stream: 1, type: 'event', event: 'message', id: '1', size: 1 },
      { stream: 1, type: 'event', event: 'message', id: '2', size: 1 },
      { stream: 1, type: 'read', events: 0, bytes: true, comments: 0 },
      { stream: 1, type: 'retry', code: 'network', delay: 1 },
      { stream: 1, type: 'attempt', attempt: 2, reason: 'connect' },
      { stream: 1, type: 'request', method: 'GET', lastEventId: '2' },
      { stream: 1, type: 'response', status: 200, via: 'own' },
      { stream: 1, type: 'opened', reconnected: true },
      { stream: 1, type: 'duplicate', id: '2' },
      { stream: 1, type: 'read', events: 1, bytes: true, comments: 0 },
      { stream: 1, type: 'event', event: 'message', id: '2', size: 1 },
      { stream: 1, type: 'event', event: 'message', id: '3', size: 1 },
      { stream: 1, type: 'closed', reason: 'close' },
    ])
  })

  test('records of a run include a gap and the end', async () => {
    const { client, clock, network, open, records } = createDiagnosedClient()
    const run = client.stream('/generate')
    const connection = await open()
    connection.send(start(), delta(0), delta(2))
    await flushMicrotasks()
    await clock.advance(1_000)
    network.last.respond().send(delta(1), delta(2), end())
    expect((await run.final()).text).toBe('0 1 2 ')
    expect(records.filter(({ type }) => type === 'retry' || type === 'closed')).toEqual([
      { stream: 1, type: 'retry', code: 'gap', delay: 1 },
      { stream: 1, type: 'closed', reason: 'end', finishReason: 'stop', usage: undefined },
    ])
  })

  test('records contain the stream number, and closed records also contain the error code and status', async () => {
    const { client, network, records } = createDiagnosedClient()
    client.subscribe('/1')
    client.subscribe('/2')
    await flushMicrotasks()
    network.last.respond({ status: 404 })
    await flushMicrotasks()
    expect(records.filter(({ stream }) => stream === 2)).toEqual([
      { stream: 2, type: 'made', kind: 'feed', resumes: false, label: undefined },
      { stream: 2, type: 'attempt', attempt: 1, reason: 'connect' },
      { stream: 2, type: 'request', method: 'GET', lastEventId: '' },
      { stream: 2, type: 'response', status: 404, via: 'own' },
      { stream: 2, type: 'closed', reason: 'error', code: 'http', status: 404 },
    ])
  })

  test('records contain no secrets', async () => {
    const { client, network, records, names } = createDiagnosedClient({ auth: bearer('secret') })
    client.subscribe('/x', { searchParams: { key: 'secret' }, headers: { 'x-key': 'secret' } })
    await flushMicrotasks()
    network.last.respond({ status: 401 })
    await flushMicrotasks()
    network.last.respond({ status: 401, headers: { 'set-cookie': 'secret', 'www-authenticate': 'secret' } })
    await flushMicrotasks()
    expect([...names]).toEqual(['GET https://api.test/x'])
    expect(records.map(({ type }) => type)).toEqual([
      'made',
      'attempt',
      'request',
      'response',
      'attempt',
      'request',
      'response',
      'closed',
    ])
    expect(JSON.stringify(records)).not.toContain('secret')
  })

  test('an error thrown by the callback is reported and does not affect the stream', async () => {
    const reported = vi.fn()
    vi.stubGlobal('reportError', reported)
    const { client, open } = createTestClient({
      instrument: diagnose(() => {
        throw new Error('callback failed')
      }),
    })
    const run = client.stream('/generate')
    const connection = await open()
    connection.send(start(), delta(0), end())
    expect((await run.final()).text).toBe('0 ')
    expect(reported).toHaveBeenCalled()
    vi.unstubAllGlobals()
  })
})
