/** Firefox, driven over WebDriver BiDi: https://w3c.github.io/webdriver-bidi. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { createHome, startProgram } from './program.ts'
import type { Engine } from './provider.ts'

/** Preferences that select WebDriver BiDi as the only protocol, and turn off requests that Firefox makes by itself. */
const preferences = {
  'remote.active-protocols': 1,
  'app.normandy.enabled': false,
  'app.update.disabledForTesting': true,
  'browser.safebrowsing.downloads.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.safebrowsing.provider.mozilla.updateURL': '',
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,#remote-settings-dummy/v1',
  'toolkit.telemetry.enabled': false,
}

interface BiDiMessage {
  id?: number
  type: 'success' | 'error' | 'event'
  result?: unknown
  error?: string
  message?: string
}

/** Sends a command; resolves with its result. */
type SendCommand = (method: string, params: object) => Promise<unknown>

function createCommands(socket: WebSocket): SendCommand {
  const pending = new Map<number, (message: BiDiMessage) => void>()
  socket.on('message', (data) => {
    const message = JSON.parse((data as Buffer).toString()) as BiDiMessage
    if (message.id === undefined) return
    pending.get(message.id)?.(message)
    pending.delete(message.id)
  })
  socket.on('close', () => {
    for (const settle of pending.values()) settle({ type: 'error', error: 'the connection to Firefox was closed' })
    pending.clear()
  })
  let lastId = 0
  return (method, params) =>
    new Promise((resolve, reject) => {
      const id = ++lastId
      pending.set(id, ({ type, result, error, message }) => {
        if (type === 'success') resolve(result)
        else reject(new Error(`${method}: ${error}, ${message}`))
      })
      socket.send(JSON.stringify({ id, method, params }))
    })
}

/** Starts Firefox without a window. */
export async function startFirefox(path: string): Promise<Engine> {
  const home = createHome('firefox')
  const lines = Object.entries(preferences).map(
    (entry) => `user_pref(${entry.map((part) => JSON.stringify(part)).join()})`,
  )
  writeFileSync(join(home.folder, 'user.js'), lines.join(';\n'))
  const args = ['--headless', '--no-remote', '--profile', home.folder, '--remote-debugging-port=0', 'about:blank']
  const program = startProgram(path, args, { ...process.env, HOME: home.folder })
  const close = async (): Promise<void> => {
    await program.close()
    home.remove()
  }
  try {
    const [, address] = await program.waitForLine(/WebDriver BiDi listening on (ws:\S+)/)
    const socket = new WebSocket(`${address}/session`)
    await once(socket, 'open')
    const send = createCommands(socket)
    await send('session.new', { capabilities: {} })
    return {
      async openPage(url) {
        const { context } = (await send('browsingContext.create', { type: 'tab' })) as { context: string }
        await send('browsingContext.navigate', { context, url, wait: 'none' })
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
