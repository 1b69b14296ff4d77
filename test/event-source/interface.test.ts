/** Tests of the `EventSource` interface against its Web IDL definition, like `idlharness.js` in the web-platform-tests. */
/* oxlint-disable unicorn/prefer-add-event-listener -- the handlers themselves are tested */
import { afterEach, describe, expect, test } from 'vitest'
import { EventSource, install } from '../../src/event-source.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createScriptedFetch } from '../support/scripted-fetch.ts'

const pendingFetch: typeof fetch = () => new Promise(() => {})
const opened: EventSource[] = []
const open = (
  url: string | URL = 'https://api.test/stream',
  options?: ConstructorParameters<typeof EventSource>[1],
): EventSource => {
  const source = new EventSource(url, { fetch: pendingFetch, ...options })
  opened.push(source)
  return source
}
afterEach(() => {
  for (const source of opened.splice(0)) source.close()
})
const descriptorOf = (holder: object, key: PropertyKey): PropertyDescriptor | undefined =>
  Object.getOwnPropertyDescriptor(holder, key)

describe('the interface object', () => {
  test('EventSource has a name and a length, and inherits from EventTarget', () => {
    expect(descriptorOf(EventSource, 'name')).toEqual({
      value: 'EventSource',
      writable: false,
      enumerable: false,
      configurable: true,
    })
    expect(descriptorOf(EventSource, 'length')).toEqual({
      value: 1,
      writable: false,
      enumerable: false,
      configurable: true,
    })
    expect(Object.getPrototypeOf(EventSource)).toBe(EventTarget)
    expect(descriptorOf(EventSource, 'prototype')).toMatchObject({
      writable: false,
      enumerable: false,
      configurable: false,
    })
  })

  test('EventSource must be called with new and with an argument', () => {
    expect(() => (EventSource as unknown as () => void)()).toThrow(TypeError)
    expect(() => Reflect.construct(EventSource, [])).toThrow(TypeError)
  })

  test.each([
    ['CONNECTING', 0],
    ['OPEN', 1],
    ['CLOSED', 2],
  ])('%s is a constant of the class and its prototype', (key, value) => {
    for (const holder of [EventSource, EventSource.prototype]) {
      expect(descriptorOf(holder, key)).toEqual({ value, writable: false, enumerable: true, configurable: false })
    }
    expect(open()).toHaveProperty(key, value)
  })
})

describe('the prototype', () => {
  test('the prototype inherits from EventTarget, and has the class string EventSource', () => {
    expect(Object.getPrototypeOf(EventSource.prototype)).toBe(EventTarget.prototype)
    expect(descriptorOf(EventSource.prototype, 'constructor')).toEqual({
      value: EventSource,
      writable: true,
      enumerable: false,
      configurable: true,
    })
    expect(descriptorOf(EventSource.prototype, Symbol.toStringTag)).toEqual({
      value: 'EventSource',
      writable: false,
      enumerable: false,
      configurable: true,
    })
    expect(Object.prototype.toString.call(open())).toBe('[object EventSource]')
    expect(Symbol.unscopables in EventSource.prototype).toBe(false)
  })

  test('the prototype has exactly the members of the interface, in the order of the standard', () => {
    expect(Object.keys(EventSource.prototype)).toEqual([
      'url',
      'withCredentials',
      'readyState',
      'onopen',
      'onmessage',
      'onerror',
      'close',
      'CONNECTING',
      'OPEN',
      'CLOSED',
    ])
    expect(Object.keys(open())).toEqual([])
  })

  test.each(['url', 'withCredentials', 'readyState'])('%s is a read-only attribute', (key) => {
    const { get, set, enumerable, configurable } = descriptorOf(EventSource.prototype, key)!
    expect({ name: get!.name, length: get!.length, set, enumerable, configurable }).toEqual({
      name: `get ${key}`,
      length: 0,
      set: undefined,
      enumerable: true,
      configurable: true,
    })
    expect(() => Reflect.get(EventSource.prototype, key)).toThrow(TypeError)
    expect(() => get!.call({})).toThrow(TypeError)
  })

  test.each(['onopen', 'onmessage', 'onerror'])('%s is an event handler attribute', (key) => {
    const { get, set, enumerable, configurable } = descriptorOf(EventSource.prototype, key)!
    expect([get!.name, set!.name, get!.length, set!.length, enumerable, configurable]).toEqual([
      `get ${key}`,
      `set ${key}`,
      0,
      1,
      true,
      true,
    ])
    expect(() => get!.call({})).toThrow(TypeError)
    expect(() => set!.call({}, () => {})).toThrow(TypeError)
  })

  test('close() is an operation', () => {
    const { value, ...rest } = descriptorOf(EventSource.prototype, 'close')! as { value: () => void }
    expect(rest).toEqual({ writable: true, enumerable: true, configurable: true })
    expect([value.name, value.length, Object.hasOwn(value, 'prototype')]).toEqual(['close', 0, false])
    expect(() => value.call({})).toThrow(TypeError)
    expect(value.call(open())).toBeUndefined()
  })
})

describe('the constructor', () => {
  test.each([
    ['a symbol as URL', Symbol('url'), undefined],
    ['a number as options', 'https://api.test/', 1],
    ['a string as options', 'https://api.test/', 'withCredentials'],
    ['true as options', 'https://api.test/', true],
  ])('the constructor throws a TypeError for %s', (_argument, url, options) => {
    expect(() => new EventSource(url as string, options as never)).toThrow(TypeError)
  })

  test.each([[undefined], [null], [{}], [() => {}], [Object.assign(Object.create({ withCredentials: true }), {})]])(
    'the constructor accepts %o as options',
    (options) => {
      const source = new EventSource('https://api.test/', options as never)
      expect(source.withCredentials).toBe(
        options !== null && typeof options === 'object' && 'withCredentials' in (options as object),
      )
      source.close()
    },
  )

  test.each([
    [1, true],
    ['', false],
    ['no', true],
    [null, false],
    [{}, true],
  ])('withCredentials: %o is converted to %s', (value, expected) => {
    expect(open(undefined, { withCredentials: value as boolean }).withCredentials).toBe(expected)
  })

  test.each(['', '/stream', '//', 'http://', 'http://[', 'http://a b/', 'http://x:99999/'])(
    'the constructor throws a SyntaxError for the URL "%s"',
    (url) => {
      // Node has no base URL, so relative URLs are invalid there.
      expect(() => open(url)).toThrow(expect.objectContaining({ name: 'SyntaxError', code: 12 }) as Error)
      expect(() => open(url)).toThrow(DOMException)
    },
  )

  test('a URL with a scheme other than http and https is accepted, even if the host contains a percent escape', () => {
    expect(open('foo://a%20b/').url).toBe('foo://a%20b/')
  })

  test('url is the serialized URL', () => {
    expect(open('HTTPS://API.test:443/a/../b?q=ü#hash').url).toBe('https://api.test/b?q=%C3%BC#hash')
    expect(open(new URL('https://api.test/x')).url).toBe('https://api.test/x')
  })

  test('later changes to the options have no effect', async () => {
    const { fetch, calls } = createScriptedFetch()
    const options = { fetch, withCredentials: true, method: 'POST', headers: { 'x-kept': '1' } }
    const source = open(undefined, options)
    Object.assign(options, { withCredentials: false, method: 'GET', headers: {}, fetch: pendingFetch })
    await flushMicrotasks()
    expect([
      source.withCredentials,
      calls[0]!.init.credentials,
      calls[0]!.init.method,
      calls[0]!.headers.get('x-kept'),
    ]).toEqual([true, 'include', 'POST', '1'])
  })

  test('inherited options are used, as with any Web IDL dictionary', async () => {
    const { fetch, calls } = createScriptedFetch()
    opened.push(
      new EventSource(
        'https://api.test/',
        Object.assign(Object.create({ withCredentials: true }) as object, { fetch }),
      ),
    )
    await flushMicrotasks()
    expect(calls[0]!.init.credentials).toBe('include')
  })

  test('arguments are read once and in order, before the URL is parsed', () => {
    const read: string[] = []
    const options = {
      get withCredentials() {
        read.push('withCredentials')
        return true
      },
    }
    const url = {
      toString() {
        read.push('url')
        return 'http://['
      },
    }
    expect(() => new EventSource(url as unknown as string, options)).toThrow(DOMException)
    expect(read).toEqual(['url', 'withCredentials'])
  })

  test('EventSource can be extended', () => {
    class Named extends EventSource {
      readonly title = 'named'
    }
    const source = new Named('https://api.test/', { fetch: pendingFetch })
    expect([source.title, source instanceof EventSource, source.readyState]).toEqual(['named', true, 0])
    source.close()
  })
})

describe('event handlers', () => {
  const fire = (source: EventSource, options?: EventInit): boolean => source.dispatchEvent(new Event('open', options))

  test.each([[1], ['f'], [true], [undefined], [Symbol('f')]])('%o as onopen is converted to null', (value) => {
    const source = open()
    source.onopen = () => {}
    source.onopen = value as never
    expect(source.onopen).toBe(null)
  })

  test('an object that is not a function is kept as a handler, but not called', () => {
    const source = open()
    const handler = { handleEvent: () => expect.unreachable() }
    source.onopen = handler as never
    expect(source.onopen).toBe(handler)
    fire(source)
  })

  test('a new handler takes the position of the previous one, unless the attribute was set to null in between', () => {
    const source = open()
    const received: string[] = []
    source.onopen = () => void received.push('first')
    source.addEventListener('open', () => received.push('listener'))
    source.onopen = () => void received.push('second')
    fire(source)
    source.onopen = null
    source.onopen = () => void received.push('third')
    fire(source)
    expect(received).toEqual(['second', 'listener', 'listener', 'third'])
  })

  test('a handler is called with the source as `this`, and cancels the event by returning false', () => {
    const source = open()
    const thisValues: unknown[] = []
    source.onopen = function (this: unknown) {
      thisValues.push(this)
      return false
    }
    expect(fire(source, { cancelable: true })).toBe(false)
    expect(thisValues).toEqual([source])
  })
})

test('install() defines the global with the attributes of a platform global; importing the module alone does not', () => {
  const scope = {}
  install(scope)
  expect(descriptorOf(scope, 'EventSource')).toEqual({
    value: EventSource,
    writable: true,
    enumerable: false,
    configurable: true,
  })
  expect(globalThis.EventSource).not.toBe(EventSource)
})
