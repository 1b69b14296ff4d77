/** A run in a Vue component. */
import { type MaybeRefOrGetter, toValue } from 'vue'
import type { Client } from '../client/client.ts'
import {
  type RunActions,
  type RunRequest,
  type RunSnapshot,
  type RunStoreOptions,
  createRunStore,
  requestKey,
} from '../store/run-store.ts'
import { type SnapshotRefs, follow, refsOf } from './follow.ts'

/**
 * Shows a run: starts `request` when the component is mounted, and another one when its URL or JSON changes. With `null`,
 * `start` starts a run. Refs change once per frame, and nothing is requested on a server.
 *
 * @example
 * ```ts
 * import { useRun } from 'rivulet/vue'
 * import { ref } from 'vue'
 * const question = ref('Hello')
 * const { text, status, stop } = useRun(client, () => ({ url: '/api/generate', json: { prompt: question.value } }))
 * ```
 */
export function useRun<OwnMessage = unknown>(
  client: Pick<Client, 'stream' | 'resume'>,
  request: MaybeRefOrGetter<RunRequest<OwnMessage> | null | undefined>,
  options?: RunStoreOptions<OwnMessage>,
): SnapshotRefs<RunSnapshot<OwnMessage>> & RunActions<OwnMessage> {
  const store = createRunStore(client, options)
  follow(
    () => requestKey(toValue(request)),
    () => store.use(toValue(request)),
  )
  return { ...refsOf(store), ...store.actions }
}
