/** WebKitGTK's browser, driven over WebDriver: https://www.w3.org/TR/webdriver1. */
import { chmodSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { findWebKit } from '../../../scripts/engines.mjs'
import { findFreePort } from '../../chaos/ports.ts'
import { type Program, createHome, startProgram } from './program.ts'
import type { Engine } from './provider.ts'

/** Attempts to reach the driver, 50 ms apart, after which it counts as broken. */
const MAX_START_ATTEMPTS = 1_000

/** Sends a command; resolves with its result. */
type SendCommand = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) => Promise<unknown>

function createCommands(port: number): SendCommand {
  return async (method, path, body) => {
    const init = method === 'POST' ? { method, body: JSON.stringify(body ?? {}) } : { method }
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init)
    const { value } = (await response.json()) as { value: unknown }
    if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(value)}`)
    return value
  }
}

/** Resolves once the driver accepts commands: it does not print that it does. */
async function waitForDriver(send: SendCommand): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await send('GET', '/status')
      return
    } catch (error) {
      if (attempt === MAX_START_ATTEMPTS) throw error
      await delay(50)
    }
  }
}

/** Starts WebKitGTK's browser on a display that only exists in memory. */
export async function startWebKit(paths: NonNullable<ReturnType<typeof findWebKit>>): Promise<Engine> {
  const home = createHome('webkit')
  // Required of XDG_RUNTIME_DIR.
  chmodSync(home.folder, 0o700)
  const programs: Program[] = []
  const start = (path: string, args: string[], env: NodeJS.ProcessEnv): Program => {
    const program = startProgram(path, args, {
      ...process.env,
      HOME: home.folder,
      XDG_RUNTIME_DIR: home.folder,
      ...env,
    })
    programs.unshift(program)
    return program
  }
  const close = async (): Promise<void> => {
    for (const program of programs) await program.close()
    home.remove()
  }
  try {
    // The server chooses a free display and prints its number.
    const displayArgs = ['-displayfd', '2', '-screen', '0', '1280x900x24', '-nolisten', 'tcp']
    const [display] = await start(paths.display, displayArgs, {}).waitForLine(/^\d+$/)
    const port = await findFreePort()
    start(paths.driver, [`--port=${port}`, '--host=127.0.0.1'], { DISPLAY: `:${display}` })
    const send = createCommands(port)
    await waitForDriver(send)
    const browserOptions = { binary: paths.browser, args: ['--automation'] }
    const { sessionId } = (await send('POST', '/session', {
      capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': browserOptions } },
    })) as { sessionId: string }
    const session = `/session/${sessionId}`
    const firstWindow = await send('GET', `${session}/window`)
    // The commands of pages that are opened at the same time must not mix, because the session has one current window.
    let opened = Promise.resolve()
    const openPage = async (url: string): Promise<void> => {
      // A command needs a living current window: pages close their own, never the first.
      await send('POST', `${session}/window`, { handle: firstWindow })
      const { handle } = (await send('POST', `${session}/window/new`, { type: 'window' })) as { handle: string }
      await send('POST', `${session}/window`, { handle })
      await send('POST', `${session}/url`, { url })
    }
    return {
      openPage(url) {
        opened = opened.then(() => openPage(url))
        return opened
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
