/** Tabs of a fake browser with a scripted network and a manual clock. */
import { vi } from 'vitest'
import type { Batch, Connect, ConnectRequest, Connection } from '../../src/connect/connect.ts'
import { type ShareOptions, type ShareState, shareAcrossTabs } from '../../src/share.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { type ManualClock, createManualClock } from '../support/manual-clock.ts'
import { type ScriptedNetwork, createScriptedNetwork } from '../support/scripted-connect.ts'
import { type FakeBrowser, type FakeTab, createFakeBrowser } from './fake-browser.ts'

export interface TestTabs {
  readonly browser: FakeBrowser
  readonly clock: ManualClock
  readonly network: ScriptedNetwork
  open(options?: Partial<ShareOptions>): TestTab
}

export interface TestTab {
  readonly tab: FakeTab
  readonly connect: Connect
  readonly states: ShareState[]
  readonly role: string | undefined
}

export function createTestTabs(): TestTabs {
  // Date.now() increases with every call, so that each tab opens later than the one before.
  let time = 1_800_000_000_000
  vi.spyOn(Date, 'now').mockImplementation(() => ++time)
  const browser = createFakeBrowser()
  const clock = createManualClock()
  const network = createScriptedNetwork()
  return {
    browser,
    clock,
    network,
    open(options) {
      const tab = browser.openTab()
      const states: ShareState[] = []
      const connect = shareAcrossTabs({
        name: 'app',
        connect: network.connect,
        clock,
        onChange: (state) => states.push(state),
        ...tab,
        ...options,
      })
      return {
        tab,
        connect,
        states,
        get role() {
          return states.at(-1)?.role
        },
      }
    },
  }
}

/** Returns a request for a feed. */
export function createRequest(overrides: Partial<ConnectRequest> = {}): ConnectRequest {
  const { signal } = new AbortController()
  return {
    url: 'https://example.com/feed?q=1',
    method: 'GET',
    headers: [['accept', 'text/event-stream']],
    credentialHeaders: [],
    maxEventSize: 1e6,
    signal,
    ...overrides,
  }
}

export interface ReadLog {
  readonly batches: Batch[]
  /** `type:id` of each block, or `type:data` if it has no id. */
  readonly blocks: string[]
  /** `clean`, or the error; `undefined` while the connection is open. */
  readonly end: unknown
}

/** Reads a connection to its end, and logs the batches and the outcome. */
export function readAll(connection: Connection): ReadLog {
  const batches: Batch[] = []
  let end: unknown
  const read = async (): Promise<void> => {
    for (;;) {
      const batch = await connection.read()
      if (!batch) return void (end = 'clean')
      batches.push(batch)
    }
  }
  read().catch((error: unknown) => (end = error))
  return {
    batches,
    get blocks() {
      return batches.flatMap(({ blocks }) => blocks.map(({ type, id, data }) => `${type}:${id ?? data}`))
    },
    get end() {
      return end
    },
  }
}

/** Returns the data of all blocks, with `|` where another connection to the server begins. */
export function dataOf({ batches }: ReadLog): string {
  return batches
    .flatMap(({ begins, blocks }) => [...(begins ? ['|'] : []), ...blocks.map(({ data }) => data)])
    .join(' ')
}

/** Opens a number of tabs, of which the first leads, and reads in all of them. */
export async function openTabs(count: number, overrides?: Partial<ConnectRequest>) {
  const tabs = createTestTabs()
  const members = Array.from({ length: count }, () => tabs.open())
  const leading = members[0]!.connect(createRequest(overrides))
  await flushMessages()
  const wire = tabs.network.last.respond()
  const connections = [await leading]
  for (const { connect } of members.slice(1)) connections.push(await connect(createRequest(overrides)))
  const logs = connections.map(readAll)
  await flushMessages()
  return { ...tabs, members, connections, wire, logs }
}

/** Waits until all messages have been delivered. */
export async function flushMessages(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await flushMicrotasks()
}

export const connected = (id: string) => ({ type: 'connected', data: '{"protocol":1,"clientId":"c"}', id })
export const event = (id: number, data = `${id}`) => ({ data, id: `${id}` })
