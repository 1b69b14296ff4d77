/** Shared-connection transports for the contract suite: the client is the leader, or follows another tab. */
import type { Connect, ConnectRequest, Connection } from '../../src/connect/connect.ts'
import { type ShareOptions, shareAcrossTabs } from '../../src/share.ts'
import { createFakeBrowser } from '../share/fake-browser.ts'

let groupCount = 0

/** Returns a function that creates options for tabs of one isolated group, in a fake browser if Web Locks are missing. */
function createTabFactory(): () => Omit<ShareOptions, 'connect'> {
  const name = `contract ${++groupCount}`
  if (globalThis.navigator?.locks) return () => ({ name })
  const browser = createFakeBrowser()
  return () => ({ name, ...browser.openTab() })
}

/** Creates a `Connect` that makes the client the leader of every stream: each request joins a new group. */
export function createLeaderConnect(connect?: Connect): Connect {
  return (request) =>
    shareAcrossTabs({ ...createTabFactory()(), ...(connect && { connect }) })({ ...request, scope: 'contract' })
}

const isShareable = ({ method, headers }: ConnectRequest): boolean =>
  method === 'GET' && headers.every(([name]) => name === 'accept')

/** Creates a `Connect` that makes the client a follower: another tab leads, reading and closing with the client. */
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
    if (connection.status === 200 && role !== 'follower') throw new Error(`Expected role follower, got ${role}`)
    let leaderRead: Promise<unknown> | undefined
    return {
      ...connection,
      read() {
        leaderRead ??= leaderConnection.then((other) => other.read()).finally(() => (leaderRead = undefined))
        leaderRead.catch(() => {}) // the follower reports the failure
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

/** Handles a refused response as the SDK does: reads its problem document and cancels the connection. */
async function discardRefused(connection: Connection): Promise<void> {
  if (connection.status === 200) return
  if (/json/.test(connection.headers.get('content-type') ?? '')) await connection.readText(16_384)
  connection.cancel()
}
