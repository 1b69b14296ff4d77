/** URL resolution, also with the `URL` of React Native. */
import { describe, expect, test, vi } from 'vitest'
import { originOf, resolveUrl } from '../../src/base/url.ts'

describe('resolveUrl', () => {
  test.each([
    ['/a?b=1#c', 'https://api.test/x', 'https://api.test/a?b=1'],
    ['https://api.test/a#b?c=1', '', 'https://api.test/a'],
    ['https://api.test', '', 'https://api.test/'],
    ['/a#', '', '/a'],
    ['?a=%23', 'https://api.test/x', 'https://api.test/x?a=%23'],
  ])('%s against %j is %s: the fragment is never part of a request', (target, base, expected) => {
    expect(resolveUrl(target, base)).toBe(expected)
  })

  test('a URL with credentials is rejected', () => {
    expect(() => resolveUrl('https://user:secret@api.test/')).toThrow(TypeError)
  })
})

/** React Native's `URL`: it has getters only, and appends a slash to every absolute URL. */
class ReactNativeUrl {
  readonly #href: string
  readonly #parsed: URL

  constructor(target: string | URL, base?: string | ReactNativeUrl) {
    const isAbsolute = /^https?:/.test(String(target))
    this.#href =
      isAbsolute || !base
        ? String(target).replace(/\/?$/, '/')
        : String(base).replace(/\/$/, '') + String(target).replace(/^\/?/, '/')
    this.#parsed = new NodeUrl(this.#href)
  }

  get href(): string {
    return this.#href
  }

  get hash(): string {
    return this.#parsed.hash
  }

  get origin(): string {
    return this.#parsed.origin
  }

  get pathname(): string {
    return this.#parsed.pathname
  }

  get username(): string {
    return ''
  }

  get password(): string {
    return ''
  }

  toString(): string {
    return this.#href
  }
}
const NodeUrl = URL

describe('with the URL of React Native', () => {
  test.each([
    ['https://api.test/stream', 'https://api.test/', 'https://api.test/stream'],
    ['https://api.test/stream/', 'https://api.test/', 'https://api.test/stream/'],
    ['https://api.test', '', 'https://api.test/'],
    ['/stream#part', 'https://api.test', 'https://api.test/stream'],
  ])('%s against %j is %s', (target, base, expected) => {
    vi.stubGlobal('URL', ReactNativeUrl)
    expect(resolveUrl(target, base)).toBe(expected)
    expect(originOf(expected)).toBe('https://api.test')
  })
})
