/** A run in a React component. */
import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import type { Client } from '../client/client.ts'
import {
  type RunActions,
  type RunRequest,
  type RunSnapshot,
  type RunStoreOptions,
  createRunStore,
  requestKey,
} from '../store/run-store.ts'

/**
 * Shows a run: starts `request` when the component is mounted, and another one when its URL or JSON changes. With `null`,
 * `start` starts a run. Components are rendered once per frame, and nothing is requested on a server. Of the options, only
 * the callbacks may change.
 *
 * @example
 * ```ts
 * import { useRun } from 'rivulet/react'
 * const Answer = ({ prompt }: { prompt: string }) => {
 *   const { text, status, stop } = useRun(client, { url: '/api/generate', json: { prompt } })
 *   return [status, text]
 * }
 * ```
 */
export function useRun<OwnMessage = unknown>(
  client: Pick<Client, 'stream' | 'resume'>,
  request: RunRequest<OwnMessage> | null | undefined,
  options: RunStoreOptions<OwnMessage> = {},
): RunSnapshot<OwnMessage> & RunActions<OwnMessage> {
  const latest = useRef(options)
  const [store] = useState(() =>
    createRunStore<OwnMessage>(client, {
      ...options,
      onFinish: (result) => latest.current.onFinish?.(result),
      onError: (error) => latest.current.onError?.(error),
    }),
  )
  useEffect(() => {
    latest.current = options
  })
  useEffect(() => store.use(request), [store, requestKey(request)])
  return { ...useSyncExternalStore(store.subscribe, store.get, store.get), ...store.actions }
}
