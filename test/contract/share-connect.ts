/** Connections that tabs share, as subjects of the contract: the client leads, or follows a tab that leads. */
import type { Connect, ConnectRequest, Connection } from '../../src/connect/connect.ts'
import { type ShareOptions, shareAcrossTabs } from '../../src/share.ts'
import { createFakeBrowser } from '../share/fake-browser.ts'

let groupCount = 0

/** Options of tabs that share with each other alone. In a real browser they do so by its own means. */
function createTabFactory(): () => Omit<ShareOptions, 'connect'> {
  const name = `contract ${++groupCount}`
  if (globalThis.navigator?.locks) return () => ({ name })
  const browser = createFakeBrowser()
  return () => ({ name, ...browser.openTab() })
}

/** A client that leads each of its streams: each request is of other tabs than those before. */
export function createLeaderConnect(connect?: Connect): Connect {
  return (request) =>
    shareAcrossTabs({ ...createTabFactory()(), ...(connect && { connect }) })({ ...request, scope: 'contract' })
}

const isShareable = ({ method, headers }: ConnectRequest): boolean =>
  method === 'GET' && headers.every(([name]) => name === 'accept')

/** A client that follows: another tab leads each of its streams, reads what it reads, and leaves when it leaves. */
export function createFollowerConnect(): Connect {
  return async (request) => {
    const openTab = createTabFactory()
    let role: string | undefined
    const connectFollower = shareAcrossTabs({ ...openTab(), onChange: (state) => (role = state.role) })
    if (!isShareable(request)) return connectFollower(request)
    const controller = new AbortController()
    let onLeading: (() => void) | undefined
    const leaderReady = new Promise<void>((resolve) => (onLeading = resolve))
    const connectLeader = shareAcrossTabs({
      ...openTab(),
      onChange: (state) => state.role === 'leader' && onLeading?.(),
    })
    request.signal.addEventListener('abort', () => controller.abort())
    if (request.signal.aborted) controller.abort()
    const leaderConnection = connectLeader({ ...request, signal: controller.signal })
    leaderConnection.then(discardRefused, () => {})
    await Promise.race([leaderReady, leaderConnection.catch(() => {})])
    const connection = await connectFollower(request)
    if (connection.status === 200 && role !== 'follower') throw new Error(`It was to follow, and is ${role}`)
    let leaderRead: Promise<unknown> | undefined
    return {
      ...connection,
      read() {
        leaderRead ??= leaderConnection.then((other) => other.read()).finally(() => (leaderRead = undefined))
        leaderRead.catch(() => {}) // the follower is told
        return connection.read()
      },
      cancel() {
        connection.cancel()
        controller.abort()
        leaderConnection.then(
          (other) => other.cancel(),
          () => {},
        )
      },
    }
  }
}

/** What the SDK does with an answer that is no stream: reads what it says, and lets go. */
async function discardRefused(connection: Connection): Promise<void> {
  if (connection.status === 200) return
  if (/json/.test(connection.headers.get('content-type') ?? '')) await connection.readText(16_384)
  connection.cancel()
}
