/** Connections that tabs share, as subjects of the contract: the client leads, or follows a tab that leads. */
import type { Connect, ConnectRequest, Connection } from '../../src/connect/connect.ts'
import { type ShareOptions, type ShareState, shareAcrossTabs } from '../../src/share.ts'
import { createBrowser } from '../share/browser.ts'

let count = 0

/** Options of tabs that share with each other alone. In a real browser they do so by its own means. */
function openTabs(): () => Omit<ShareOptions, 'connect'> {
  const name = `contract ${++count}`
  if (globalThis.navigator?.locks) return () => ({ name })
  const browser = createBrowser()
  return () => ({ name, ...browser.openTab() })
}

/** A client that leads each of its streams, whatever its credentials: nobody else is of its scope. */
export function leadingConnect(connect?: Connect): Connect {
  const share = shareAcrossTabs({ ...openTabs()(), ...(connect && { connect }) })
  let streams = 0
  return (request) => share({ ...request, scope: `${++streams}` })
}

const isShared = ({ method, headers }: ConnectRequest): boolean => method === 'GET' && headers.every(([name]) => name === 'accept')

/** A client that follows: another tab leads each of its streams, reads what it reads, and leaves when it leaves. */
export function followingConnect(): Connect {
  const openTab = openTabs()
  const waiting: ((state: ShareState) => void)[] = []
  const lead = shareAcrossTabs({ ...openTab(), onChange: (state) => state.role === 'leading' && waiting.shift()?.(state) })
  const roles: string[] = []
  const follow = shareAcrossTabs({ ...openTab(), onChange: ({ role }) => roles.push(role) })

  return async (request) => {
    if (!isShared(request)) return follow(request)
    const controller = new AbortController()
    request.signal.addEventListener('abort', () => controller.abort())
    if (request.signal.aborted) controller.abort()
    const leads = new Promise((resolve) => waiting.push(resolve))
    const leading = lead({ ...request, signal: controller.signal })
    leading.then(refuse, () => {})
    await Promise.race([leads, leading.catch(() => {})])
    const connection = await follow(request)
    if (connection.status === 200 && roles.at(-1) !== 'following') throw new Error(`It was to follow: ${roles.join()}`)
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
        leading.then((other) => other.cancel(), () => {})
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
