/** The panel: a custom element with a shadow root, which shows the rows of an inspector. */
import type { Inspector } from './inspector.ts'
import { PANEL_CSS } from './panel-style.ts'
import { type RowView, createElement, createRowView } from './row-view.ts'
import { countOf } from './wording.ts'

const TAG = 'rivulet-inspector'

/** The element of the panel. */
export interface InspectorPanel extends HTMLElement {
  /** The inspector whose rows the panel shows. Set it before the element is inserted. */
  inspector: Inspector | undefined
}

/** Defines the element, unless the page has done so. A function, because servers have no `HTMLElement`. */
function definePanel(): void {
  if (customElements.get(TAG)) return
  customElements.define(
    TAG,
    class extends HTMLElement implements InspectorPanel {
      inspector: Inspector | undefined
      readonly #views = new Map<number, RowView>()
      readonly #list = createElement('ul', 'rows')
      readonly #count = createElement('span', 'count')
      readonly #toggle = createElement('button', '', 'Hide')
      readonly #clear = createElement('button', '', 'Clear ended')
      readonly #body = createElement('div', 'body')
      #unsubscribe: (() => void) | undefined
      #frame: number | undefined

      constructor() {
        super()
        const shadow = this.attachShadow({ mode: 'open' })
        // A constructed style sheet needs no permission from the page's content security policy.
        const sheet = new CSSStyleSheet()
        sheet.replaceSync(PANEL_CSS)
        shadow.adoptedStyleSheets = [sheet]
        const section = createElement('section')
        const header = createElement('header')
        section.setAttribute('aria-label', 'Rivulet inspector')
        this.#list.setAttribute('role', 'list') // Safari drops the role of a list without markers
        this.#list.setAttribute('aria-label', 'Streams')
        this.#body.id = 'body'
        this.#toggle.type = this.#clear.type = 'button'
        this.#toggle.setAttribute('aria-controls', 'body')
        this.#toggle.setAttribute('aria-expanded', 'true')
        this.#toggle.addEventListener('click', () => this.#setExpanded(!!this.#body.hidden))
        this.#clear.addEventListener('click', () => this.inspector?.clear())
        header.append(createElement('strong', '', 'Rivulet'), this.#count, this.#clear, this.#toggle)
        this.#body.append(this.#list)
        section.append(header, this.#body)
        shadow.append(section)
      }

      connectedCallback(): void {
        this.#unsubscribe = this.inspector?.subscribe(() => this.#requestRender())
        this.#render()
      }

      disconnectedCallback(): void {
        this.#unsubscribe?.()
        if (this.#frame !== undefined) cancelAnimationFrame(this.#frame)
        this.#frame = undefined
      }

      #setExpanded(isExpanded: boolean): void {
        this.#body.hidden = !isExpanded
        this.#toggle.textContent = isExpanded ? 'Hide' : 'Show'
        this.#toggle.setAttribute('aria-expanded', String(isExpanded))
        this.#render()
      }

      /** Renders once per frame, however many records arrive. */
      #requestRender(): void {
        this.#frame ??= requestAnimationFrame(() => {
          this.#frame = undefined
          this.#render()
        })
      }

      #render(): void {
        const rows = this.inspector?.streams ?? []
        this.#count.textContent = countOf(rows.length, 'stream')
        if (this.#body.hidden) return
        const shown = new Set(rows.map(({ stream }) => stream))
        for (const [stream, { element }] of this.#views) {
          if (shown.has(stream)) continue
          element.remove()
          this.#views.delete(stream)
        }
        for (const row of rows) {
          let view = this.#views.get(row.stream)
          if (!view) {
            view = createRowView(row)
            this.#views.set(row.stream, view)
            this.#list.append(view.element)
          }
          view.update(row)
        }
      }
    },
  )
}

/** Creates the panel of an inspector, and adds it to the end of `parent`. @throws TypeError where there is no document */
export function createPanel(inspector: Inspector, parent: Element | undefined): InspectorPanel {
  if (!globalThis.document) throw new TypeError('inspector.mount() needs a document')
  definePanel()
  const panel = document.createElement(TAG) as InspectorPanel
  panel.inspector = inspector
  ;(parent ?? document.body).append(panel)
  return panel
}
