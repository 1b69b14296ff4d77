/** Finds a Chromium-based browser on this machine, and the arguments to start it with. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright'

/** No GPU, no background network traffic. */
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
 * Returns the path of a browser, or `undefined` if there is none. Looks at `CHROMIUM_PATH`, then for Playwright's own
 * browser, then in the usual places.
 * @throws Error if `CHROMIUM_PATH` names no file: the tests must not run in another browser than the one asked for
 */
export function findBrowser() {
  const asked = process.env.CHROMIUM_PATH
  if (asked) {
    if (!existsSync(asked)) throw new Error(`CHROMIUM_PATH names no file: ${asked}`)
    return asked
  }
  return [chromium.executablePath(), ...(usualPlaces[process.platform] ?? [])].find((path) => existsSync(path))
}

const missingMessage =
  'No browser was found. Install one with `npx playwright install chromium`, or name one in CHROMIUM_PATH.'

/** Runs apt-get without questions; returns whether it succeeded. */
function aptGet(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync('apt-get', ['-qq', ...args], { stdio: ['ignore', 'inherit', 'inherit'], env }).status === 0
}

/**
 * Finds a browser. If there is none, installs Debian's Chromium when `mayInstall` is set and the user is root.
 * Returns whether there is a browser.
 * @throws Error on CI if there is still no browser: skipped tests prove nothing
 */
export function ensureBrowser({ mayInstall = Boolean(process.env.CI) } = {}) {
  const found = findBrowser()
  if (found) {
    console.log(`Browser: ${found}`)
    return true
  }
  if (mayInstall && process.platform === 'linux' && process.getuid?.() === 0) {
    console.log("Browser: none found. Installing Debian's chromium with apt-get (about 120 MB).")
    // With recommended packages it would be some ninety more.
    if (aptGet('update') && aptGet('install', '-y', '--no-install-recommends', 'chromium') && findBrowser()) return true
  }
  if (process.env.CI) throw new Error(missingMessage)
  console.warn(`\n${'*'.repeat(missingMessage.length)}\n${missingMessage}\n${'*'.repeat(missingMessage.length)}\n`)
  return false
}
