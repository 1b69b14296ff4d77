/** Firefox and WebKit are found where systems keep them, and `ensureEngines` installs those that are missing if it may. */
import { beforeEach, describe, expect, test, vi } from 'vitest'

const machine = vi.hoisted(() => ({ files: new Set<string>(), installed: [] as string[], commands: [] as string[] }))

vi.mock('node:fs', () => ({
  existsSync: (path: string) => path === '/usr/lib' || machine.files.has(path),
  readdirSync: () => ['aarch64-linux-gnu'],
}))
vi.mock('node:child_process', () => ({
  spawnSync(command: string, args: string[]) {
    machine.commands.push([command, ...args].join(' '))
    if (args.includes('install')) for (const path of machine.installed) machine.files.add(path)
    return { status: 0 }
  },
}))

const { ensureEngines, findFirefox, findWebKit } = await import('../../scripts/engines.mjs')

const browser = '/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser'
const webKit = [browser, '/usr/bin/WebKitWebDriver', '/usr/bin/Xvfb']

beforeEach(() => {
  machine.files.clear()
  machine.installed = []
  machine.commands = []
  vi.stubEnv('FIREFOX_PATH', undefined)
  vi.stubEnv('PATH', '/usr/local/bin:/usr/bin')
  vi.stubEnv('CI', undefined)
  vi.spyOn(process, 'platform', 'get').mockReturnValue('linux')
  vi.spyOn(process, 'getuid').mockReturnValue(0)
  vi.spyOn(console, 'log').mockReturnValue(undefined)
  vi.spyOn(console, 'warn').mockReturnValue(undefined)
  return () => vi.unstubAllEnvs()
})

describe('findFirefox', () => {
  test('FIREFOX_PATH takes precedence over the usual paths', () => {
    machine.files = new Set(['/mine', '/usr/bin/firefox-esr'])
    vi.stubEnv('FIREFOX_PATH', '/mine')
    expect(findFirefox()).toBe('/mine')
  })

  test('findFirefox throws if FIREFOX_PATH names a file that does not exist', () => {
    machine.files = new Set(['/usr/bin/firefox-esr'])
    vi.stubEnv('FIREFOX_PATH', '/mine')
    expect(() => findFirefox()).toThrow('/mine')
  })

  test.each([
    ['linux', '/usr/bin/firefox-esr'],
    ['darwin', '/Applications/Firefox.app/Contents/MacOS/firefox'],
  ] as const)('Firefox on %s is found at the usual path', (platform, path) => {
    vi.spyOn(process, 'platform', 'get').mockReturnValue(platform)
    machine.files = new Set([path])
    expect(findFirefox()).toBe(path)
  })
})

describe('findWebKit', () => {
  test('the browser is found in the folder of any architecture, and its programs in PATH', () => {
    machine.files = new Set(webKit)
    expect(findWebKit()).toEqual({ browser, driver: '/usr/bin/WebKitWebDriver', display: '/usr/bin/Xvfb' })
  })

  test.each(webKit)('without %s, there is no WebKit', (path) => {
    machine.files = new Set(webKit.filter((other) => other !== path))
    expect(findWebKit()).toBeUndefined()
  })

  test('there is none on other systems', () => {
    machine.files = new Set(webKit)
    vi.spyOn(process, 'platform', 'get').mockReturnValue('darwin')
    expect(findWebKit()).toBeUndefined()
  })
})

describe('ensureEngines', () => {
  const install = 'apt-get -qq install -y --no-install-recommends'

  test('on CI, run as root, it installs what is missing and nothing else', () => {
    vi.stubEnv('CI', 'true')
    machine.files = new Set(['/usr/bin/firefox-esr'])
    machine.installed = webKit
    expect(ensureEngines()).toEqual([])
    expect(machine.commands).toEqual(['apt-get -qq update', `${install} webkit2gtk-driver xvfb dbus`])
  })

  test('outside CI, it only prints the command that installs what is missing', () => {
    expect(ensureEngines()).toEqual(['Firefox', 'WebKit'])
    expect(machine.commands).toEqual([])
    expect(console.warn).toHaveBeenCalledWith(expect.stringContaining('apt-get install firefox-esr'))
    expect(console.warn).toHaveBeenCalledWith(expect.stringContaining('apt-get install webkit2gtk-driver xvfb dbus'))
  })

  test('on CI, a missing engine is an error', () => {
    vi.stubEnv('CI', 'true')
    expect(() => ensureEngines()).toThrow('Firefox was not found')
    machine.files = new Set(['/usr/bin/firefox-esr'])
    expect(() => ensureEngines()).toThrow('WebKit was not found')
  })
})
