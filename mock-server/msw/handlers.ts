/** The mock server as handlers of MSW, in Node and in a service worker. */
import type { HttpHandler } from 'msw'
import { http } from 'msw'
import type { Mock, MockOptions } from '../mock/mock.ts'
import { createMock as createPlainMock } from '../mock/mock.ts'

/** A mock that MSW can use. */
export interface MswMock extends Mock {
  /** For `setupServer(...mock.handlers())` and `setupWorker(...mock.handlers())`. */
  handlers(): HttpHandler[]
}

/**
 * Handlers that answer whatever the mock has something at, now or later, GET and POST and DELETE, and leave every other
 * request to the handlers after them. `origin` confines them to one origin.
 */
export function handlers(mock: Mock, { origin }: { readonly origin?: string } = {}): HttpHandler[] {
  return [
    http.all('*', async ({ request }) => {
      const url = new URL(request.url)
      if (!mock.has(url.pathname) || (origin !== undefined && url.origin !== origin)) return undefined
      try {
        // MSW hands redirects on to whoever asked, who follows them.
        return await mock.fetch(request, { redirect: 'manual' })
      } catch (error) {
        // A connection that was cut is what a network error is to MSW; what is aborted needs no answer.
        if (error instanceof TypeError) return Response.error()
        throw error
      }
    }),
  ]
}

/** Makes a mock with `handlers()`. */
export function createMock(options?: MockOptions): MswMock {
  const mock = createPlainMock(options)
  return Object.defineProperties(mock, { handlers: { value: () => handlers(mock) } }) as MswMock
}
