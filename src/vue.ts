/** Entry `rivulet/vue`: composables for runs and feeds. */
export type { SnapshotRefs } from './vue/follow.ts'
export { useFeed } from './vue/use-feed.ts'
export { useRun } from './vue/use-run.ts'
export type { FeedSnapshot, FeedStoreOptions, SharedFeed } from './store/feed-store.ts'
export type { RunActions, RunRequest, RunSnapshot, RunStoreOptions } from './store/run-store.ts'
