/** What an inspector offers to applications and to its views. */
import type { Instrument } from '../request/options.ts'
import type { StreamRow } from './stream-row.ts'

/** Collects what streams do, for the panel, the console, and views of your own. */
export interface Inspector {
  /**
   * Value for the option `instrument`.
   *
   * @example
   * ```ts
   * const inspector = inspect()
   * const client = createClient({ instrument: inspector.instrument })
   * ```
   */
  readonly instrument: Instrument
  /** The streams, in the order in which they were made. The rows change while streams run. */
  readonly streams: readonly StreamRow[]
  /**
   * Adds a listener that is called after each record with the row it has changed, or with `undefined` after `clear()`.
   * Returns a function that removes it.
   *
   * @example
   * ```ts
   * const stop = inspector.subscribe((row) => console.log(row?.name, row?.status))
   * ```
   */
  subscribe(listener: (row: StreamRow | undefined) => void): () => void
  /**
   * Adds the panel to the end of `parent`, as an element `rivulet-inspector` with a shadow root, and returns it.
   * `element.remove()` removes it.
   *
   * @throws TypeError where there is no document
   * @defaultValue `document.body`
   * @example
   * ```ts
   * const panel = inspector.mount()
   * panel.remove()
   * ```
   */
  mount(parent?: Element): HTMLElement
  /**
   * Prints the rows as a table to the console: `console.table(...)`.
   *
   * @example
   * ```ts
   * Object.assign(globalThis, { streams: () => inspector.print() })
   * ```
   */
  print(): void
  /**
   * Removes the rows of all streams that have ended.
   *
   * @example
   * ```ts
   * inspector.clear()
   * ```
   */
  clear(): void
}
