/** Finds or installs the browsers other than Chromium in which the tests run: Firefox and WebKit. */
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { ensureProgram } from './apt-get.mjs'

const firefoxPaths = {
  linux: ['/usr/bin/firefox-esr', '/usr/bin/firefox', '/snap/bin/firefox'],
  darwin: ['/Applications/Firefox.app/Contents/MacOS/firefox'],
  win32: ['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA']
    .map((name) => process.env[name])
    .filter((folder) => folder !== undefined)
    .map((folder) => join(folder, 'Mozilla Firefox/firefox.exe')),
}

/**
 * Returns the path of Firefox, or `undefined` if there is none. Tries `FIREFOX_PATH`, then the usual paths.
 * @throws Error if the file at `FIREFOX_PATH` does not exist, because the tests must not run in a browser other than the
 * requested one
 */
export function findFirefox() {
  const requestedPath = process.env.FIREFOX_PATH
  if (requestedPath) {
    if (existsSync(requestedPath)) return requestedPath
    throw new Error(`FIREFOX_PATH names a file that does not exist: ${requestedPath}`)
  }
  return (firefoxPaths[process.platform] ?? []).find((path) => existsSync(path))
}

/** Returns the folders that may contain WebKitGTK's programs: on Debian, their names contain the architecture. */
function webKitFolders() {
  const libraries = existsSync('/usr/lib') ? readdirSync('/usr/lib') : []
  return ['/usr/libexec', '/usr/lib', ...libraries.map((name) => `/usr/lib/${name}`)].map(
    (folder) => `${folder}/webkit2gtk-4.1`,
  )
}

/**
 * Returns the paths of the programs that run tests in WebKitGTK, or `undefined` if one of them is missing: the browser,
 * its WebDriver, and a display for it.
 */
export function findWebKit() {
  if (process.platform !== 'linux') return undefined
  const inPath = (name) =>
    (process.env.PATH ?? '')
      .split(delimiter)
      .map((folder) => join(folder, name))
      .find((path) => existsSync(path))
  const browser = webKitFolders()
    .map((folder) => `${folder}/MiniBrowser`)
    .find((path) => existsSync(path))
  const driver = inPath('WebKitWebDriver')
  const display = inPath('Xvfb')
  return browser && driver && display ? { browser, driver, display } : undefined
}

/** The engines by the names of their test projects. */
const engines = {
  firefox: {
    name: 'Firefox',
    find: findFirefox,
    packageNames: ['firefox-esr'],
    megabytes: 70,
    missingMessage:
      'Firefox was not found. Install it, for example with `apt-get install firefox-esr`, or set FIREFOX_PATH.',
  },
  webkit: {
    name: 'WebKit',
    find: () => findWebKit()?.browser,
    packageNames: ['webkit2gtk-driver', 'xvfb', 'dbus'],
    megabytes: 50,
    missingMessage:
      'WebKit was not found. On Linux, install it with `apt-get install webkit2gtk-driver xvfb dbus`; other systems have no WebKitGTK.',
  },
}

/**
 * Finds Firefox and WebKit. Installs Debian's packages of those that are missing when `mayInstall` is set and the user is
 * root. Returns the names of those that are still missing.
 * @throws Error on CI if one is still missing, because skipped tests prove nothing
 */
export function ensureEngines({ mayInstall = Boolean(process.env.CI) } = {}) {
  return Object.values(engines)
    .filter((engine) => !ensureProgram({ ...engine, mayInstall }))
    .map(({ name }) => name)
}
