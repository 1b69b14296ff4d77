/** Entry `rivulet/react`: hooks for runs and feeds. */
export { useFeed } from './react/use-feed.ts'
export { useRun } from './react/use-run.ts'
export type { FeedSnapshot, FeedStoreOptions, SharedFeed } from './store/feed-store.ts'
export type { RunActions, RunRequest, RunSnapshot, RunStoreOptions } from './store/run-store.ts'
