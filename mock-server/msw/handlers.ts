/** The mock server as MSW request handlers, in Node and in service workers. */
import type { HttpHandler } from 'msw'
import { http } from 'msw'
import type { Mock, MockOptions } from '../mock/mock.ts'
import { createMock as createPlainMock } from '../mock/mock.ts'

/** A mock with handlers for MSW. */
export interface MswMock extends Mock {
  /** Creates handlers for `setupServer(...mock.handlers())` or `setupWorker(...mock.handlers())`. */
  handlers(): HttpHandler[]
}

/**
 * Creates handlers for all paths of the mock, including paths added later, and for all methods. Other requests are left
 * to later handlers. `origin` restricts the handlers to one origin.
 */
export function handlers(mock: Mock, { origin }: { readonly origin?: string } = {}): HttpHandler[] {
  return [
    http.all('*', async ({ request }) => {
      const url = new URL(request.url)
      if (!mock.has(url.pathname) || (origin !== undefined && url.origin !== origin)) return undefined
      try {
        // MSW passes redirects on to the client, which follows them.
        return await mock.fetch(request, { redirect: 'manual' })
      } catch (error) {
        // A `TypeError` means a cut connection, which MSW reports as a network error. Any other error is an abort.
        if (error instanceof TypeError) return Response.error()
        throw error
      }
    }),
  ]
}

/** Creates a mock with `handlers()`. */
export function createMock(options?: MockOptions): MswMock {
  const mock = createPlainMock(options)
  return Object.defineProperties(mock, { handlers: { value: () => handlers(mock) } }) as MswMock
}
