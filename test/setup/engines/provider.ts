/** A browser of Vitest that is driven over WebDriver, for engines that Playwright drives only in builds of its own. */
import { defineBrowserProvider } from '@vitest/browser'
import type { BrowserProviderOption } from 'vitest/node'

/** A running browser. */
export interface Engine {
  /** Opens a URL in a new page. */
  openPage(url: string): Promise<void>
  /** Ends the browser and deletes its profile. */
  close(): Promise<void>
}

/** Creates the provider of a project. The browser starts with the first page. */
export function engineProvider(name: string, start: () => Promise<Engine>): BrowserProviderOption {
  return defineBrowserProvider({
    name,
    providerFactory() {
      let engine: Promise<Engine> | undefined
      return {
        name,
        supportsParallelism: false,
        getCommandsContext: () => ({}),
        async openPage(_sessionId, url) {
          engine ??= start()
          await (await engine).openPage(url)
        },
        async close() {
          // A browser that did not start has been reported by `openPage`.
          await (await engine?.catch(() => undefined))?.close()
        },
      }
    },
  })
}
