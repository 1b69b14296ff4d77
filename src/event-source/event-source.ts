/** The standard's `EventSource`: https://html.spec.whatwg.org/multipage/server-sent-events.html */
import { CLOSED, CONNECTING, OPEN, openEventStream } from './open-event-stream.ts'
import type { EventSource as EventSourceInterface, EventSourceOptions } from './options.ts'

/** Whether `EventTarget` calls `on…` properties itself, as in workerd: a listener of our own would call them twice. */
const callsHandlers = (() => {
  let isCalled = false
  const target = Object.assign(new EventTarget(), { onprobe: () => (isCalled = true) })
  target.dispatchEvent(new Event('probe'))
  return isCalled
})()

class EventSourceClass extends EventTarget {
  #url: string
  #withCredentials: boolean
  #readyState = CONNECTING
  #close: () => void
  #handlers: Record<string, unknown> = {}

  // `init` has a default value, so that `EventSource.length` is 1.
  constructor(url: string | URL, init: EventSourceOptions | null = {}) {
    super()
    // Unlike `String()`, a template throws on a symbol, as Web IDL requires.
    const urlText = `${url}`
    if (!arguments.length || (init !== null && Object(init) !== init))
      throw new TypeError('Expected EventSource(url, options)')
    // Reads and copies each option once, as Web IDL requires for a dictionary, so that later changes have no effect.
    const { withCredentials, ...options } = init ?? {}
    this.#withCredentials = !!withCredentials
    let urlRecord: URL
    try {
      urlRecord = new URL(urlText, globalThis.document?.baseURI ?? globalThis.location?.href)
      // Chromium percent-encodes invalid hosts instead of rejecting them. Only URLs with non-special schemes may have
      // escapes in the host.
      if (urlRecord.hostname.includes('%') && urlRecord.origin !== 'null') throw urlText
    } catch {
      // [spec] "If urlRecord is failure, then throw a "SyntaxError" DOMException."
      throw new DOMException(`Invalid URL: ${urlText}`, 'SyntaxError')
    }
    this.#url = urlRecord.href
    const credentials = withCredentials ? 'include' : 'same-origin'
    this.#close = openEventStream(
      urlRecord,
      { ...options, credentials },
      () => this.#readyState,
      (event, readyState) => {
        this.#readyState = readyState
        this.dispatchEvent(event)
      },
    )
  }

  get url(): string {
    return this.#url
  }

  get withCredentials(): boolean {
    return this.#withCredentials
  }

  get readyState(): number {
    return this.#readyState
  }

  /** [spec] The event handler processing algorithm: https://html.spec.whatwg.org/multipage/webappapis.html#event-handlers */
  #listener = (event: Event): void => {
    const handler = this.#handlers[event.type]
    if (typeof handler === 'function' && handler.call(this, event) === false) event.preventDefault()
  }

  #handle(type: string, value: unknown): void {
    // [spec] `LegacyTreatNonObjectAsNull`. A handler keeps its position among the listeners until it is set to null.
    const handler = Object(value) === value ? value : null
    if (!callsHandlers) this[handler ? 'addEventListener' : 'removeEventListener'](type, this.#listener)
    this.#handlers[type] = handler
  }

  get onopen(): unknown {
    return this.#handlers['open'] ?? null
  }

  set onopen(value) {
    this.#handle('open', value)
  }

  get onmessage(): unknown {
    return this.#handlers['message'] ?? null
  }

  set onmessage(value) {
    this.#handle('message', value)
  }

  get onerror(): unknown {
    return this.#handlers['error'] ?? null
  }

  set onerror(value) {
    this.#handle('error', value)
  }

  close(): void {
    this.#readyState = CLOSED
    this.#close()
  }
}

// Web IDL attributes are enumerable; the class name must survive minification.
const { prototype } = EventSourceClass
for (const key of Object.getOwnPropertyNames(prototype)) {
  if (key !== 'constructor') Object.defineProperty(prototype, key, { enumerable: true })
}
for (const [key, value] of Object.entries({ CONNECTING, OPEN, CLOSED })) {
  for (const holder of [prototype, EventSourceClass]) Object.defineProperty(holder, key, { value, enumerable: true })
}
Object.defineProperty(prototype, Symbol.toStringTag, { value: 'EventSource', configurable: true })
Object.defineProperty(EventSourceClass, 'name', { value: 'EventSource' })

/** An instance of `EventSource`. */
export type EventSource = EventSourceInterface

/**
 * The standard's `EventSource`, implemented with `fetch`.
 * @throws TypeError for arguments that Web IDL rejects.
 * @throws DOMException `SyntaxError` for an invalid URL.
 * @example
 * ```ts
 * import { EventSource } from 'rivulet/event-source'
 * const source = new EventSource('/api/feed', { headers: { authorization: `Bearer ${token}` } })
 * ```
 */
export const EventSource = EventSourceClass as unknown as {
  new (url: string | URL, options?: EventSourceOptions): EventSource
  readonly prototype: EventSource
  readonly CONNECTING: 0
  readonly OPEN: 1
  readonly CLOSED: 2
}

/** Installs this class as the global `EventSource` of `scope`. @defaultValue `globalThis` */
export function install(scope: object = globalThis): void {
  Object.defineProperty(scope, 'EventSource', { value: EventSource, writable: true, configurable: true })
}
