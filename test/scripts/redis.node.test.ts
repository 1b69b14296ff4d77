/** `findRedis` searches in a fixed order, and `ensureRedis` installs a server only if it is allowed to. */
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

const { ensureRedis, findRedis } = await import('../../scripts/redis.mjs')

beforeEach(() => {
  machine.files.clear()
  machine.installed = ''
  machine.commands = []
  vi.stubEnv('REDIS_SERVER_PATH', undefined)
  vi.stubEnv('PATH', '/usr/local/bin:/usr/bin')
  vi.stubEnv('CI', undefined)
  vi.spyOn(process, 'platform', 'get').mockReturnValue('linux')
  vi.spyOn(process, 'getuid').mockReturnValue(0)
  vi.spyOn(console, 'log').mockReturnValue(undefined)
  vi.spyOn(console, 'warn').mockReturnValue(undefined)
  return () => vi.unstubAllEnvs()
})

describe('findRedis', () => {
  test('REDIS_SERVER_PATH takes precedence over the servers in PATH', () => {
    machine.files = new Set(['/mine', '/usr/bin/redis-server'])
    vi.stubEnv('REDIS_SERVER_PATH', '/mine')
    expect(findRedis()).toBe('/mine')
  })

  test('findRedis throws if REDIS_SERVER_PATH names a file that does not exist', () => {
    machine.files = new Set(['/usr/bin/redis-server'])
    vi.stubEnv('REDIS_SERVER_PATH', '/mine')
    expect(() => findRedis()).toThrow('/mine')
  })

  test('the first server in PATH is found', () => {
    machine.files = new Set(['/usr/bin/redis-server', '/usr/local/bin/redis-server'])
    expect(findRedis()).toBe('/usr/local/bin/redis-server')
  })
})

describe('ensureRedis', () => {
  test.each([
    ['on CI', 'true', undefined],
    ['with mayInstall', undefined, { mayInstall: true }],
  ])('ensureRedis, run as root %s, installs a server without recommended packages', (_when, ci, options) => {
    vi.stubEnv('CI', ci)
    machine.installed = '/usr/bin/redis-server'
    expect(ensureRedis(options)).toBe(true)
    expect(machine.commands).toEqual([
      'apt-get -qq update',
      'apt-get -qq install -y --no-install-recommends redis-server',
    ])
  })

  test('ensureRedis installs nothing if a server exists', () => {
    machine.files = new Set(['/usr/bin/redis-server'])
    expect(ensureRedis({ mayInstall: true })).toBe(true)
    expect(machine.commands).toEqual([])
  })

  test.each([
    ['as root without mayInstall', 0, undefined],
    ['as a user other than root', 1000, { mayInstall: true }],
  ])('ensureRedis, run %s, only prints how to install a server', (_who, user, options) => {
    vi.spyOn(process, 'getuid').mockReturnValue(user)
    expect(ensureRedis(options)).toBe(false)
    expect(machine.commands).toEqual([])
    expect(console.warn).toHaveBeenCalledWith(expect.stringContaining('apt-get install redis-server'))
  })

  test('ensureRedis throws on CI if there is still no server', () => {
    vi.stubEnv('CI', 'true')
    expect(() => ensureRedis()).toThrow('No Redis server was found')
  })
})
