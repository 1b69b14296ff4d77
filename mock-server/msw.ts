/** Entry `rivulet/msw`: the mock server as request handlers of MSW, in Node and in a service worker. */
export type { Mock, MockOptions, MockRun } from './mock/mock.ts'
export { createMock, handlers } from './msw/handlers.ts'
export type { MswMock } from './msw/handlers.ts'
