/** A run in a Svelte component. */
import type { Client } from '../client/client.ts'
import {
  type RunActions,
  type RunRequest,
  type RunSnapshot,
  type RunStoreOptions,
  createRunStore,
  requestKey,
} from '../store/run-store.ts'
import { type MaybeGetter, follow, gettersOf, valueOf } from './follow.ts'

/**
 * Shows a run: starts `request` when the component is mounted, and another one when its URL or JSON changes. With `null`,
 * `start` starts a run. Pass a function to follow state. The properties change once per frame, and nothing is requested on a
 * server.
 *
 * @example
 * ```ts
 * import { useRun } from 'rivulet/svelte'
 * const answer = useRun(client, () => ({ url: '/api/generate', json: { prompt } }))
 * console.log(answer.status, answer.text)
 * ```
 */
export function useRun<OwnMessage = unknown>(
  client: Pick<Client, 'stream' | 'resume'>,
  request: MaybeGetter<RunRequest<OwnMessage> | null | undefined>,
  options?: RunStoreOptions<OwnMessage>,
): RunSnapshot<OwnMessage> & RunActions<OwnMessage> {
  const store = createRunStore(client, options)
  follow(
    () => requestKey(valueOf(request)),
    () => store.use(valueOf(request)),
  )
  return Object.assign(gettersOf(store), store.actions)
}
