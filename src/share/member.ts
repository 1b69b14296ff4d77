/**
 * One tab's part in a shared stream: it leads, follows, or has a connection of its own until it has caught up.
 * (Over 300 lines: what each role does on a message, a read, and a change of the lead is one state machine.)
 */
import { StreamError, isStreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-label.ts'
import { createUuid } from '../base/uuid.ts'
import type { Batch, ConnectRequest, Connection } from '../connect/connect.ts'
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
import type { MemberRole, ShareDependencies } from './dependencies.ts'

/** A connection of this tab's own. */
interface Upstream {
  controller: AbortController
  connection?: Connection
  read?: Promise<Batch | null>
}

/** Opens the stream's connection, or takes part in one that another tab has. */
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
  /** As leader: bytes that each follower has not acknowledged. */
  const followers = new Map<string, number>()
  let role: MemberRole = 'joining'
  let epoch = 0
  let sequence = 0
  let cursor = lastEventId
  let inboxBytes = 0 // bytes in the inbox
  let unacknowledgedBytes = 0 // bytes that were not acknowledged yet
  let missedChecks = 0 // looks without a sign of the leader
  let response: SharedResponse | undefined
  let problem = ''
  let upstream: Upstream | undefined
  let pendingRead: { resolve(batch: Batch | null): void; reject(error: unknown): void } | undefined
  let finalOutcome: { error?: unknown } | undefined
  let cancelCheck: (() => void) | undefined
  let pendingConnection!: { resolve(connection: Connection): void; reject(error: unknown): void }

  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none: all that it reaches is of this origin
  const post = (message: ShareMessage): void => broadcastChannel.postMessage(message)
  const connectionLostError = (message?: string): StreamError =>
    new StreamError('network', message || `Lost: ${formatRequestLabel('GET', request.url)}`, { retryable: true })
  const setRole = (next: MemberRole): void => {
    // Who could not keep up, or keep the lead, is not to take it at once.
    if (next === 'detached' || (role === 'leader' && next === 'joining')) tab.eligibleSince = Date.now()
    role = next
    dependencies.onRoleChange(next)
  }
  const closeUpstream = (): void => {
    upstream?.connection?.cancel()
    upstream?.controller.abort()
    upstream = undefined
  }
  /** `end`: of the connection, for the others. Without one the next of them takes over. */
  const close = (end?: Pick<LeaderMessage & { type: 'end' }, 'response' | 'problem'>): void => {
    if (role === 'closed') return
    if (role !== 'leader') end = undefined
    else if (response && response.status !== 200) {
      // A refusal of credentials is about this tab's alone: the others have to show their own.
      const isOwnRefusal = request.scope !== undefined && [401, 403].includes(response.status)
      end = isOwnRefusal ? { problem: '' } : { problem, response }
    }
    if (end) post({ type: 'end', epoch, ...end })
    setRole('closed')
    signal.removeEventListener('abort', onAbort)
    closeUpstream()
    cancelCheck?.()
    broadcastChannel.close()
    // Nobody is to take over what is over: the lead is free when they have heard of it.
    if (end && followers.size) clock.after(RELEASE_DELAY_MS, leaderLock.release)
    else leaderLock.release()
  }
  const finish = (outcome: { error?: unknown } = { error: connectionLostError() }): void => {
    const { error } = outcome
    finalOutcome = outcome
    // Any other failure is this tab's own.
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
  /** Gives the consumer what it waits for, if it is here. */
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
  /** Takes what has come for the consumer. It gets copies: what it does with them is not to be seen in the ring. */
  const receive = (batch: Batch): void => {
    for (const block of batch.blocks) {
      const { type, id } = block
      // A greeting may name another place than was asked for: only the reset behind it says that the old one is gone.
      if (type === 'connected') cursor ||= id ?? ''
      else cursor = id ?? ((type === 'reset' && replayBuffer.connectedEvent?.id) || cursor)
      if (role === 'follower' || role === 'leader') replayBuffer.push(block)
    }
    inbox.push({ ...batch, blocks: batch.blocks.map((block) => ({ ...block })) })
    inboxBytes += batch.bytes
    serveRead()
    if (inboxBytes > MAX_INBOX_BYTES) detachSlowConsumer()
  }
  /** The consumer is too slow for the others: it goes on from its place by itself. */
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
  /** Reads as long as somebody wants more. */
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
        else followers.delete(follower) // fell behind long ago, or is gone
      }
    }
    receive(batch)
    void pump()
  }
  /** Opens a connection from where this tab is. */
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
      // Whoever asks anew is told why, and has new credentials.
      if (!isResuming)
        resolveConnection(
          toSharedResponse(connection),
          async (maxBytes) => (problem = await connection.readText(maxBytes)),
          connection.headers,
          connection,
        )
      else if (status !== 200) return finish()
      if (role === 'leader') post({ type: 'leader-alive', epoch, sequence }) // who waits asks again
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
    // It has read on in between, further than the leader: another time.
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
      followers.set(from, FOLLOWER_WINDOW_BYTES) // and wants nothing yet
      if (upstream?.connection?.status === 200) sendSnapshot(message)
    } else {
      followers.set(from, (followers.get(from) ?? 0) - message.bytes)
      void pump()
    }
  }

  const becomeLeader = (): void => {
    // Epochs are times of the day, so that who has heard of no other leader comes after those that were.
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
