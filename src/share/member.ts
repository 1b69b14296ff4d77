/**
 * A tab's membership in a shared stream: the tab leads, follows, or is detached with a connection of its own.
 * (Over 300 lines, because all roles' reactions to messages, reads and leadership changes are one state machine.)
 */
import { StreamError, isStreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-label.ts'
import { createUuid } from '../base/uuid.ts'
import type { Batch, ConnectRequest, Connection } from '../connect/connect.ts'
import { type MemberRole, type ShareDependencies, preciseTime } from './dependencies.ts'
import { type LeaderLock, createLeaderLock } from './leader-lock.ts'
import {
  CHECK_INTERVAL_MS,
  RELEASE_DELAY_MS,
  MAX_INBOX_BYTES,
  MAX_MISSED_CHECKS,
  TAKEOVER_TIMEOUT_MS,
  FOLLOWER_WINDOW_BYTES,
} from './limits.ts'
import {
  type SharedResponse,
  type FollowerMessage,
  type ShareMessage,
  type LeaderMessage,
  toSharedResponse,
} from './message.ts'
import { createReplayBuffer, blockChars, sliceAfter } from './replay-buffer.ts'

/** This tab's own connection. */
interface Upstream {
  controller: AbortController
  connection?: Connection
  read?: Promise<Batch | null>
}

/** Joins a shared stream: opens the connection as leader, or follows the tab that has the connection. */
export function joinStream(
  request: ConnectRequest,
  name: string,
  dependencies: ShareDependencies,
): Promise<Connection> {
  const { signal, lastEventId = '' } = request
  const { clock, tab } = dependencies
  const memberId = createUuid()
  const broadcastChannel = dependencies.openChannel(name)
  const replayBuffer = createReplayBuffer(lastEventId)
  const inbox: Batch[] = []
  /** Unacknowledged bytes of each follower, counted by the leader. */
  const followers = new Map<string, number>()
  let role: MemberRole = 'joining'
  let epoch = 0
  let sequence = 0
  let cursor = lastEventId
  let inboxBytes = 0
  let unacknowledgedBytes = 0 // read by the consumer, but not acknowledged to the leader yet
  let missedChecks = 0 // checks since the last message from the leader
  let response: SharedResponse | undefined
  let problem = ''
  let upstream: Upstream | undefined
  let pendingRead: { resolve(batch: Batch | null): void; reject(error: unknown): void } | undefined
  let finalOutcome: { error?: unknown } | undefined
  let cancelCheck: (() => void) | undefined
  let pendingConnection!: { resolve(connection: Connection): void; reject(error: unknown): void }

  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel has no target origin: it reaches only this origin
  const post = (message: ShareMessage): void => broadcastChannel.postMessage(message)
  const connectionLostError = (message?: string): StreamError =>
    new StreamError('network', message || `Shared connection lost: ${formatRequestLabel('GET', request.url)}`, {
      retryable: true,
    })
  const setRole = (next: MemberRole): void => {
    // A tab that could not keep up, or lost leadership, goes to the end of the order of succession.
    if (next === 'detached' || (role === 'leader' && next === 'joining')) tab.eligibleSince = preciseTime()
    role = next
    dependencies.onRoleChange(next)
  }
  const closeUpstream = (): void => {
    upstream?.connection?.cancel()
    upstream?.controller.abort()
    upstream = undefined
  }
  /** Leaves the stream. If `end` is given, a leader sends it to its followers; otherwise the next member takes over. */
  const close = (end?: Pick<LeaderMessage & { type: 'end' }, 'response' | 'problem'>): void => {
    if (role === 'closed') return
    if (role !== 'leader') end = undefined
    else if (response && response.status !== 200) {
      // With a `scope`, each tab has credentials of its own, so their rejection says nothing about the other tabs'
      // credentials.
      const isOwnRefusal = request.scope !== undefined && [401, 403].includes(response.status)
      end = isOwnRefusal ? { problem: '' } : { problem, response }
    }
    if (end) post({ type: 'end', epoch, ...end })
    setRole('closed')
    signal.removeEventListener('abort', onAbort)
    closeUpstream()
    cancelCheck?.()
    broadcastChannel.close()
    // Release leadership only after the followers have received `end`, or one of them would reconnect.
    if (end && followers.size) clock.after(RELEASE_DELAY_MS, leaderLock.release)
    else leaderLock.release()
  }
  const finish = (outcome: { error?: unknown } = { error: connectionLostError() }): void => {
    const { error } = outcome
    finalOutcome = outcome
    // A network error ends the stream for all members, any other error only for this one.
    close(error ? (isStreamError(error, 'network') ? { problem: error.message } : undefined) : {})
    if (!response) pendingConnection.reject(error ?? connectionLostError())
    serveRead()
  }
  const onAbort = (): void => finish({ error: signal.reason })

  const resolveConnection = (
    sharedResponse: SharedResponse,
    readText: Connection['readText'],
    headers = new Headers(sharedResponse.headers),
    { url }: { url: string } = sharedResponse,
  ): void => {
    response = sharedResponse
    const read = (): Promise<Batch | null> =>
      new Promise((resolve, reject) => {
        pendingRead = { resolve, reject }
        serveRead()
      })
    pendingConnection.resolve({ ...sharedResponse, url, headers, read, readText, cancel: () => close() })
  }
  /** Settles the pending read, if there is a batch or a final outcome for it. */
  const serveRead = (): void => {
    if (!pendingRead) return
    const batch = inbox.shift()
    if (!batch && !finalOutcome) return void pump()
    const { resolve, reject } = pendingRead
    pendingRead = undefined
    if (batch) {
      inboxBytes -= batch.bytes
      unacknowledgedBytes += batch.bytes
      if (role === 'follower' && unacknowledgedBytes >= FOLLOWER_WINDOW_BYTES / 4) {
        post({ type: 'ack', from: memberId, bytes: unacknowledgedBytes })
        unacknowledgedBytes = 0
      }
      resolve(batch)
    } else if (finalOutcome && 'error' in finalOutcome) reject(finalOutcome.error)
    else resolve(null)
  }
  /** Adds a batch to the consumer's inbox. The blocks are copied, so that the consumer cannot modify the replay buffer. */
  const receive = (batch: Batch): void => {
    for (const block of batch.blocks) {
      const { type, id } = block
      // A `connected` event does not replace the requested cursor, even if its id is later: only a `reset` event
      // invalidates that cursor.
      if (type === 'connected') cursor ||= id ?? ''
      else cursor = id ?? ((type === 'reset' && replayBuffer.connectedEvent?.id) || cursor)
      if (role === 'follower' || role === 'leader') replayBuffer.push(block)
    }
    inbox.push({ ...batch, blocks: batch.blocks.map((block) => ({ ...block })) })
    inboxBytes += batch.bytes
    serveRead()
    if (inboxBytes > MAX_INBOX_BYTES) detachSlowConsumer()
  }
  /** Detaches this tab because its consumer is too slow: the tab continues from its own cursor. */
  const detachSlowConsumer = (): void => {
    if (role === 'leader') leaderLock.request()
    else if (role !== 'follower') return
    detach()
  }
  const detach = (): void => {
    setRole('detached')
    void pump()
  }

  const shouldRead = (): boolean =>
    (!!pendingRead && !inbox.length && role !== 'rejoining') ||
    (role === 'leader' && [...followers.values()].some((bytes) => bytes < FOLLOWER_WINDOW_BYTES))
  /** Reads the upstream connection while this tab's consumer, or a follower, needs more. */
  const pump = async (): Promise<void> => {
    if (role === 'detached' && !upstream && (pendingRead || !response)) return void openUpstream()
    const current = upstream
    if (!current?.connection || current.read || !shouldRead()) return
    current.read = current.connection.read()
    let outcome: { error?: unknown } = {}
    const batch = await current.read.catch((error: unknown) => {
      outcome = { error }
      return null
    })
    delete current.read
    if (upstream !== current) return
    if (!batch) return finish(outcome)
    if (role === 'leader') {
      sequence++
      if (followers.size) post({ type: 'batch', epoch, sequence, batch })
      for (const [follower, bytes] of followers) {
        if (bytes < 4 * MAX_INBOX_BYTES) followers.set(follower, bytes + batch.bytes)
        else followers.delete(follower) // this follower has detached, or its tab is gone
      }
    }
    receive(batch)
    void pump()
  }
  /** Opens a connection that continues from this tab's cursor. */
  const openUpstream = async (): Promise<void> => {
    const current: Upstream = (upstream = { controller: new AbortController() })
    const isResuming = !!response
    if (isResuming && !cursor) return finish()
    const cancelDeadline = isResuming
      ? clock.after(TAKEOVER_TIMEOUT_MS, () => upstream === current && finish())
      : undefined
    try {
      const connection = await dependencies.connect({
        ...request,
        lastEventId: cursor || undefined,
        signal: current.controller.signal,
      })
      if (upstream !== current) return connection.cancel()
      current.connection = connection
      const { status } = connection
      // If the consumer already has a response, a rejection is reported as a lost connection; the consumer then
      // retries, with new credentials if necessary.
      if (!isResuming)
        resolveConnection(
          toSharedResponse(connection),
          async (maxBytes) => (problem = await connection.readText(maxBytes)),
          connection.headers,
          connection,
        )
      else if (status !== 200) return finish()
      if (role === 'leader') post({ type: 'leader-alive', epoch, sequence }) // joining members then ask again
      void pump()
    } catch (error) {
      if (upstream === current) finish({ error })
    } finally {
      cancelDeadline?.()
    }
  }
  const sendSnapshot = ({
    from: to,
    cursor: requestedCursor,
    hasResponse,
  }: FollowerMessage & { type: 'join' }): void => {
    const { connectedEvent } = replayBuffer
    const missedBlocks = !requestedCursor && connectedEvent ? [] : replayBuffer.blocksAfter(requestedCursor)
    if (!missedBlocks || !response) return post({ type: 'cursor-unknown', epoch, to })
    const blocks =
      !hasResponse && connectedEvent
        ? [{ ...connectedEvent, id: requestedCursor || cursor }, ...missedBlocks]
        : missedBlocks
    const bytes = blocks.reduce((sum, block) => sum + blockChars(block), 1)
    followers.set(to, bytes)
    post({
      type: 'snapshot',
      epoch,
      to,
      cursor: requestedCursor,
      baseCursor: requestedCursor || (connectedEvent ? undefined : ''),
      eligibleSince: tab.eligibleSince,
      sequence,
      response,
      blocks,
      bytes,
    })
    void pump()
  }

  const requestJoin = (): void => {
    if (response && !cursor) finish()
    else post({ type: 'join', from: memberId, cursor, hasResponse: !!response })
  }
  const applySnapshot = (message: LeaderMessage & { type: 'snapshot' }): void => {
    const blocks = message.cursor === cursor ? message.blocks : sliceAfter(message.blocks, cursor)
    // This tab has meanwhile read further than the leader; it will ask again later.
    if (!blocks) return
    closeUpstream()
    sequence = message.sequence
    if (!response) replayBuffer.reset(message.baseCursor)
    else if (role === 'rejoining') replayBuffer.reset(cursor)
    setRole('follower')
    if (!response) resolveConnection(message.response, async () => '')
    receive({ blocks, bytes: message.bytes })
    if (role === 'follower' && cursor && tab.eligibleSince < message.eligibleSince) leaderLock.request('steal')
  }
  const handleLeaderMessage = (message: LeaderMessage): void => {
    if (message.epoch < epoch) return
    missedChecks = 0
    if (message.epoch > epoch) {
      epoch = message.epoch
      if (role === 'leader') stepDown()
      else if (role === 'follower') setRole('joining')
    }
    const { type } = message
    if (type === 'leader-alive') {
      if (role === 'joining') requestJoin()
      else if (role === 'follower' && message.sequence > sequence) detachSlowConsumer()
    } else if (type === 'batch') {
      if (role !== 'follower') return
      if (message.sequence === ++sequence) receive(message.batch)
      else detachSlowConsumer()
    } else if (type === 'end') {
      if (role !== 'follower' && role !== 'joining') return
      if (message.response && !response) {
        resolveConnection(message.response, async () => message.problem!)
        close()
      } else finish(message.problem === undefined ? {} : { error: connectionLostError(message.problem) })
    } else if (message.to === memberId && (role === 'joining' || role === 'rejoining')) {
      if (type === 'snapshot') applySnapshot(message)
      else detach()
    }
  }
  const handleFollowerMessage = (message: FollowerMessage): void => {
    if (role !== 'leader') return
    if (message.type === 'ping') return post({ type: 'leader-alive', epoch, sequence })
    const { from } = message
    if (message.type === 'join') {
      followers.set(from, FOLLOWER_WINDOW_BYTES) // its window counts as full until the snapshot is sent
      if (upstream?.connection?.status === 200) sendSnapshot(message)
    } else {
      followers.set(from, (followers.get(from) ?? 0) - message.bytes)
      void pump()
    }
  }

  const becomeLeader = (): void => {
    // Epochs are timestamps, so that a new leader has a higher epoch than its predecessors even if it knows none of theirs.
    epoch = Math.max(epoch + 1, Date.now() + Math.random())
    sequence = 0
    if (response) replayBuffer.dropBlocksWithoutId()
    followers.clear()
    setRole('leader')
    post({ type: 'leader-alive', epoch, sequence })
    if (upstream) {
      replayBuffer.reset(cursor)
      void pump()
    } else void openUpstream()
  }
  const stepDown = (): void => {
    if (role !== 'leader') return
    closeUpstream()
    setRole('joining')
    leaderLock.request()
    requestJoin()
  }
  const leaderLock: LeaderLock = createLeaderLock(dependencies.locks, name, {
    onAcquired: becomeLeader,
    onStolen: stepDown,
    onUnavailable(error) {
      dependencies.onUnavailable(error)
      if (role === 'joining') detach()
    },
  })
  const checkLeader = (): void => {
    cancelCheck = clock.after(CHECK_INTERVAL_MS, checkLeader)
    if (role === 'leader') return
    if (role === 'rejoining') return detach()
    if (role === 'detached' && upstream?.connection && cursor && !inbox.length) setRole('rejoining')
    else if (++missedChecks >= MAX_MISSED_CHECKS) {
      missedChecks = 0
      leaderLock.request('steal')
    } else if (missedChecks > 1) post({ type: 'ping' })
    if (role !== 'detached' && role !== 'follower') requestJoin()
  }

  broadcastChannel.addEventListener('message', ({ data }) => {
    const message = Object(data) as ShareMessage
    if (role === 'closed') return
    if ('epoch' in message) handleLeaderMessage(message)
    else handleFollowerMessage(message)
  })
  return new Promise((resolve, reject) => {
    pendingConnection = { resolve, reject }
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) return onAbort()
    cancelCheck = clock.after(CHECK_INTERVAL_MS, checkLeader)
    requestJoin()
    leaderLock.request()
  })
}
