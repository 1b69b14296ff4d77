/** Finds a Chromium-like browser on this machine, and the arguments it is started with. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright'

/** Quiet, without a GPU, and without anything that talks to the network by itself. */
export const browserArgs = [
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
]

const usualPlaces = {
  linux: [
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome-stable',
    '/usr/bin/google-chrome',
    '/opt/google/chrome/chrome',
    '/usr/bin/microsoft-edge',
    '/snap/bin/chromium',
  ],
  darwin: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
  ],
  win32: ['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA']
    .map((name) => process.env[name])
    .filter((folder) => folder !== undefined)
    .flatMap((folder) => [
      join(folder, 'Google/Chrome/Application/chrome.exe'),
      join(folder, 'Microsoft/Edge/Application/msedge.exe'),
    ]),
}

/**
 * Path of the browser, or `undefined` where there is none: `CHROMIUM_PATH`, then Playwright's own, then the usual places.
 * A `CHROMIUM_PATH` that names no file throws, rather than testing with another browser than the one asked for.
 */
export function findBrowser() {
  const asked = process.env.CHROMIUM_PATH
  if (asked) {
    if (!existsSync(asked)) throw new Error(`CHROMIUM_PATH names no file: ${asked}`)
    return asked
  }
  return [chromium.executablePath(), ...(usualPlaces[process.platform] ?? [])].find((path) => existsSync(path))
}

/**
 * Finds a browser or installs one where that is this machine's own business: as root, with Debian's packages.
 * Returns whether there is one; on CI a missing browser throws, for tests that nobody runs prove nothing.
 */
export function ensureBrowser() {
  if (findBrowser()) return true
  if (process.platform === 'linux' && process.getuid?.() === 0) {
    const apt = (...args) => {
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
      return spawnSync('apt-get', ['-qq', ...args], { stdio: ['ignore', 'inherit', 'inherit'], env }).status === 0
    }
    // With recommended packages it would be some ninety more.
    if (apt('update') && apt('install', '-y', '--no-install-recommends', 'chromium') && findBrowser()) return true
  }
  const message = 'No browser was found. Get one with `npx playwright install chromium`, or name one in CHROMIUM_PATH.'
  if (process.env.CI) throw new Error(message)
  console.warn(`\n${'*'.repeat(message.length)}\n${message}\n${'*'.repeat(message.length)}\n`)
  return false
}
