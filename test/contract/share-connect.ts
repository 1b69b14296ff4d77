/** Connections that tabs share, as subjects of the contract: the client leads, or follows a tab that leads. */
import type { Connect, ConnectRequest, Connection } from '../../src/connect/connect.ts'
import { type ShareOptions, shareAcrossTabs } from '../../src/share.ts'
import { createBrowser } from '../share/fake-browser.ts'

let count = 0

/** Options of tabs that share with each other alone. In a real browser they do so by its own means. */
function openTabs(): () => Omit<ShareOptions, 'connect'> {
  const name = `contract ${++count}`
  if (globalThis.navigator?.locks) return () => ({ name })
  const browser = createBrowser()
  return () => ({ name, ...browser.openTab() })
}

/** A client that leads each of its streams: each request is of other tabs than those before. */
export function leadingConnect(connect?: Connect): Connect {
  return (request) =>
    shareAcrossTabs({ ...openTabs()(), ...(connect && { connect }) })({ ...request, scope: 'contract' })
}

const isShared = ({ method, headers }: ConnectRequest): boolean =>
  method === 'GET' && headers.every(([name]) => name === 'accept')

/** A client that follows: another tab leads each of its streams, reads what it reads, and leaves when it leaves. */
export function followingConnect(): Connect {
  return async (request) => {
    const openTab = openTabs()
    let role: string | undefined
    const follow = shareAcrossTabs({ ...openTab(), onChange: (state) => (role = state.role) })
    if (!isShared(request)) return follow(request)
    const controller = new AbortController()
    let tell: (() => void) | undefined
    const leads = new Promise<void>((resolve) => (tell = resolve))
    const lead = shareAcrossTabs({ ...openTab(), onChange: (state) => state.role === 'leading' && tell?.() })
    request.signal.addEventListener('abort', () => controller.abort())
    if (request.signal.aborted) controller.abort()
    const leading = lead({ ...request, signal: controller.signal })
    leading.then(refuse, () => {})
    await Promise.race([leads, leading.catch(() => {})])
    const connection = await follow(request)
    if (connection.status === 200 && role !== 'following') throw new Error(`It was to follow, and is ${role}`)
    let reading: Promise<unknown> | undefined
    return {
      ...connection,
      read() {
        reading ??= leading.then((other) => other.read()).finally(() => (reading = undefined))
        reading.catch(() => {}) // the follower is told
        return connection.read()
      },
      cancel() {
        connection.cancel()
        controller.abort()
        leading.then(
          (other) => other.cancel(),
          () => {},
        )
      },
    }
  }
}

/** What the SDK does with an answer that is no stream: reads what it says, and lets go. */
async function refuse(connection: Connection): Promise<void> {
  if (connection.status === 200) return
  if (/json/.test(connection.headers.get('content-type') ?? '')) await connection.problem(16_384)
  connection.cancel()
}
