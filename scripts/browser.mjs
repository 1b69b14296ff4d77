/** Finds or installs a Chromium-based browser on this machine, and lists the arguments to start it with. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright'
import { ensureProgram } from './apt-get.mjs'

/** Arguments that disable the GPU and background network traffic. */
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

const usualPaths = {
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
 * Returns the path of a browser, or `undefined` if there is none. Tries `CHROMIUM_PATH`, then Playwright's own browser,
 * then the usual paths.
 * @throws Error if the file at `CHROMIUM_PATH` does not exist, because the tests must not run in a browser other than
 * the requested one
 */
export function findBrowser() {
  const requestedPath = process.env.CHROMIUM_PATH
  if (requestedPath) {
    if (!existsSync(requestedPath)) throw new Error(`CHROMIUM_PATH names a file that does not exist: ${requestedPath}`)
    return requestedPath
  }
  return [chromium.executablePath(), ...(usualPaths[process.platform] ?? [])].find((path) => existsSync(path))
}

const missingMessage = 'No browser was found. Install one with `npx playwright install chromium`, or set CHROMIUM_PATH.'

/**
 * Finds a browser. If there is none, installs Debian's Chromium when `mayInstall` is set and the user is root.
 * Returns whether there is a browser.
 * @throws Error on CI if there is still no browser, because skipped tests prove nothing
 */
export function ensureBrowser({ mayInstall = Boolean(process.env.CI) } = {}) {
  return ensureProgram({
    name: 'Browser',
    find: findBrowser,
    packageNames: ['chromium'],
    megabytes: 120,
    missingMessage,
    mayInstall,
  })
}
