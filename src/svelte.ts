/** Entry `rivulet/svelte`: runs and feeds in components of Svelte 5. */
export type { MaybeGetter } from './svelte/follow.ts'
export { useFeed } from './svelte/use-feed.ts'
export { useRun } from './svelte/use-run.ts'
export type { FeedSnapshot, FeedStoreOptions, SharedFeed } from './store/feed-store.ts'
export type { RunActions, RunRequest, RunSnapshot, RunStoreOptions } from './store/run-store.ts'
