/** Entry `rivulet/store`: runs and feeds for user interfaces of any framework. */
export type { Clock } from './base/clock.ts'
export {
  type FeedSnapshot,
  type FeedStore,
  type FeedStoreOptions,
  type SharedFeed,
  createFeed,
  createFeedStore,
} from './store/feed-store.ts'
export {
  type RunActions,
  type RunRequest,
  type RunSnapshot,
  type RunStore,
  type RunStoreOptions,
  createRunStore,
  requestKey,
} from './store/run-store.ts'
export type { Pace, ReadableStore, StoreOptions } from './store/snapshot.ts'
