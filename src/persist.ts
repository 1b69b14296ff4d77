/** Entry `rivulet/persist`: resumes streams after a page reload. */
export type { Clock } from './base/clock.ts'
export type { Cursor } from './base/errors.ts'
export { type StoredCursor, type PersistOptions, type PersistStorage, persist } from './persist/persist.ts'
export type { Persistence } from './request/stream-options.ts'
