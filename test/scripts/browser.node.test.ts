/** `findBrowser` searches in a fixed order, and `ensureBrowser` installs a browser only if it is allowed to. */
import { beforeEach, describe, expect, test, vi } from 'vitest'

const machine = vi.hoisted(() => ({ files: new Set<string>(), installed: '', commands: [] as string[] }))

vi.mock('node:fs', () => ({ existsSync: (path: string) => machine.files.has(path) }))
vi.mock('node:child_process', () => ({
  spawnSync(command: string, args: string[]) {
    machine.commands.push([command, ...args].join(' '))
    if (args.includes('install') && machine.installed) machine.files.add(machine.installed)
    return { status: 0 }
  },
}))
vi.mock('playwright', () => ({ chromium: { executablePath: () => '/cache/chromium' } }))

const { ensureBrowser, findBrowser } = await import('../../scripts/browser.mjs')

beforeEach(() => {
  machine.files.clear()
  machine.installed = ''
  machine.commands = []
  vi.stubEnv('CHROMIUM_PATH', undefined)
  vi.stubEnv('CI', undefined)
  vi.spyOn(process, 'platform', 'get').mockReturnValue('linux')
  vi.spyOn(process, 'getuid').mockReturnValue(1000)
  vi.spyOn(console, 'log').mockReturnValue(undefined)
  vi.spyOn(console, 'warn').mockReturnValue(undefined)
  return () => vi.unstubAllEnvs()
})

describe('findBrowser', () => {
  test('CHROMIUM_PATH takes precedence over all other browsers', () => {
    machine.files = new Set(['/mine', '/cache/chromium', '/usr/bin/chromium'])
    vi.stubEnv('CHROMIUM_PATH', '/mine')
    expect(findBrowser()).toBe('/mine')
  })

  test('findBrowser throws if CHROMIUM_PATH names a file that does not exist', () => {
    machine.files = new Set(['/usr/bin/chromium'])
    vi.stubEnv('CHROMIUM_PATH', '/mine')
    expect(() => findBrowser()).toThrow('/mine')
  })

  test('Playwright’s browser takes precedence over system browsers', () => {
    machine.files = new Set(['/cache/chromium', '/usr/bin/chromium'])
    expect(findBrowser()).toBe('/cache/chromium')
  })

  test.each([
    ['linux', '/usr/bin/google-chrome'],
    ['darwin', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'],
  ] as const)('a system browser on %s is found at the usual path', (platform, path) => {
    vi.spyOn(process, 'platform', 'get').mockReturnValue(platform)
    machine.files = new Set([path])
    expect(findBrowser()).toBe(path)
  })
})

describe('ensureBrowser', () => {
  const install = ['apt-get -qq update', 'apt-get -qq install -y --no-install-recommends chromium']

  test.each([
    ['on CI', 'true', undefined],
    ['with mayInstall', undefined, { mayInstall: true }],
  ])('ensureBrowser, run as root %s, installs Chromium without recommended packages', (_when, ci, options) => {
    vi.stubEnv('CI', ci)
    vi.spyOn(process, 'getuid').mockReturnValue(0)
    machine.installed = '/usr/bin/chromium'
    expect(ensureBrowser(options)).toBe(true)
    expect(machine.commands).toEqual(install)
    expect(console.log).toHaveBeenCalledWith(expect.stringContaining('Installing'))
  })

  test('ensureBrowser, run as root outside CI without mayInstall, only prints the install command', () => {
    vi.spyOn(process, 'getuid').mockReturnValue(0)
    expect(ensureBrowser()).toBe(false)
    expect(machine.commands).toEqual([])
    expect(console.warn).toHaveBeenCalledWith(expect.stringContaining('npx playwright install chromium'))
  })

  test('ensureBrowser, run as root, installs nothing if a browser exists', () => {
    vi.spyOn(process, 'getuid').mockReturnValue(0)
    machine.files = new Set(['/usr/bin/chromium'])
    expect(ensureBrowser({ mayInstall: true })).toBe(true)
    expect(machine.commands).toEqual([])
  })

  test('ensureBrowser, run as a user other than root, only prints the install command', () => {
    expect(ensureBrowser({ mayInstall: true })).toBe(false)
    expect(machine.commands).toEqual([])
    expect(console.warn).toHaveBeenCalledWith(expect.stringContaining('npx playwright install chromium'))
  })

  test('ensureBrowser throws on CI if there is still no browser, whether or not it has tried to install one', () => {
    vi.stubEnv('CI', 'true')
    expect(() => ensureBrowser()).toThrow('No browser was found')
    vi.spyOn(process, 'getuid').mockReturnValue(0)
    expect(() => ensureBrowser()).toThrow('No browser was found')
    expect(machine.commands).toHaveLength(2)
  })
})
