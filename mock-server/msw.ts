/** Entry `rivulet/msw`: the mock server as MSW request handlers, in Node and in service workers. */
export type { Mock, MockOptions, MockRun } from './mock/mock.ts'
export { createMock, handlers } from './msw/handlers.ts'
export type { MswMock } from './msw/handlers.ts'
