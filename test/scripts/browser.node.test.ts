/** Where a browser is looked for, in order, and what happens where there is none. */
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
  vi.spyOn(console, 'warn').mockReturnValue(undefined)
  return () => vi.unstubAllEnvs()
})

describe('the order', () => {
  test('CHROMIUM_PATH before all', () => {
    machine.files = new Set(['/mine', '/cache/chromium', '/usr/bin/chromium'])
    vi.stubEnv('CHROMIUM_PATH', '/mine')
    expect(findBrowser()).toBe('/mine')
  })

  test('a CHROMIUM_PATH that names no file is an error, not a reason to take another', () => {
    machine.files = new Set(['/usr/bin/chromium'])
    vi.stubEnv('CHROMIUM_PATH', '/mine')
    expect(() => findBrowser()).toThrow('/mine')
  })

  test('Playwright’s own before those of the system', () => {
    machine.files = new Set(['/cache/chromium', '/usr/bin/chromium'])
    expect(findBrowser()).toBe('/cache/chromium')
  })

  test.each([
    ['linux', '/usr/bin/google-chrome'],
    ['darwin', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'],
  ] as const)('the usual places of %s', (platform, path) => {
    vi.spyOn(process, 'platform', 'get').mockReturnValue(platform)
    machine.files = new Set([path])
    expect(findBrowser()).toBe(path)
  })
})

describe('none', () => {
  test('root on Debian installs one, without recommended packages', () => {
    vi.spyOn(process, 'getuid').mockReturnValue(0)
    machine.installed = '/usr/bin/chromium'
    expect(ensureBrowser()).toBe(true)
    expect(machine.commands).toEqual(['apt-get -qq update', 'apt-get -qq install -y --no-install-recommends chromium'])
  })

  test('a browser that is there is not installed again', () => {
    vi.spyOn(process, 'getuid').mockReturnValue(0)
    machine.files = new Set(['/usr/bin/chromium'])
    expect(ensureBrowser()).toBe(true)
    expect(machine.commands).toEqual([])
  })

  test('who is not root installs nothing and hears what to do', () => {
    expect(ensureBrowser()).toBe(false)
    expect(machine.commands).toEqual([])
    expect(console.warn).toHaveBeenCalledWith(expect.stringContaining('npx playwright install chromium'))
  })

  test('on CI it is a failure, also where the installation did not help', () => {
    vi.stubEnv('CI', 'true')
    expect(() => ensureBrowser()).toThrow('No browser was found')
    vi.spyOn(process, 'getuid').mockReturnValue(0)
    expect(() => ensureBrowser()).toThrow('No browser was found')
    expect(machine.commands).toHaveLength(2)
  })
})
