/** A tab's membership in a shared stream: the tab leads, follows, or is detached with a connection of its own. */
import { StreamError, isStreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-error.ts'
import type { ConnectRequest, Connection } from '../connect/connect.ts'
import { type FinalOutcome, createConsumer } from './consumer.ts'
import { type ShareDependencies, preciseTime } from './dependencies.ts'
import { createLeaderLock } from './leader-lock.ts'
import { CHECK_INTERVAL_MS, MAX_INBOX_BYTES, RELEASE_DELAY_MS } from './limits.ts'
import {
  type EndMessage,
  type Position,
  type SharedResponse,
  type SnapshotMessage,
  type UpstreamBatch,
  toSharedResponse,
} from './message.ts'
import { createPeers } from './peers.ts'
import { createReplayBuffer, sliceAfter } from './replay-buffer.ts'
import { type MemberRole, type RoleEvent, nextRole } from './role.ts'
import { collectMissedBatches } from './snapshot.ts'
import { createUpstream } from './upstream.ts'

/** Joins a shared stream: opens the connection as leader, or follows the tab that has the connection. */
export function joinStream(
  request: ConnectRequest,
  name: string,
  dependencies: ShareDependencies,
): Promise<Connection> {
  const { signal, lastEventId = '' } = request
  const { clock, tab } = dependencies
  const replayBuffer = createReplayBuffer(lastEventId)
  let role: MemberRole = 'joining'
  let received = 0 // batches that this member has received
  /** The response that the consumer has, and the text of its body if it was rejected. */
  let response: SharedResponse | undefined
  let problem = ''
  let cancelCheck: (() => void) | undefined

  const connectionLostError = (message?: string): StreamError =>
    new StreamError(
      'network',
      message || `Shared connection lost: ${formatRequestLabel({ method: 'GET', url: request.url })}`,
      {
        retryable: true,
      },
    )
  /** Returns whether the role has changed and is still the new one, because `onRoleChange` may close the stream. */
  const changeRole = (event: RoleEvent): boolean => {
    const next = nextRole(role, event)
    if (next === role) return false
    // A tab that could not keep up, or lost leadership, goes to the end of the order of succession.
    const losesRank = next === 'detached' || (role === 'leader' && next === 'joining')
    role = next
    if (losesRank) {
      tab.eligibleSince = preciseTime()
      for (const onRankChanged of tab.onRankChanged) onRankChanged()
    }
    dependencies.onRoleChange(next)
    return role === next
  }

  const consumer = createConsumer({
    onWaiting: () => readUpstream(),
    onRead: (bytes) => peers.acknowledge(bytes),
    onCancel: () => close(),
  })
  const upstream = createUpstream(dependencies.connect, clock, request, {
    shouldRead: () => (consumer.isWaiting && role !== 'rejoining') || (role === 'leader' && peers.hasRoom),
    onResponse,
    onBatch(batch) {
      if (role === 'leader') peers.broadcast(batch)
      receive(batch, role === 'leader' ? peers.position : undefined)
      detachIfLagging()
    },
    onEnd: finish,
    onTakeoverTimeout: finishLost,
  })
  const peers = createPeers(dependencies.openChannel(name), {
    getRole: () => role,
    getEligibleSince: () => tab.eligibleSince,
    onReplaced,
    onLeaderAlive: requestJoin,
    onLeaderRank: takeOverFromYounger,
    onSnapshot,
    onUnlocatable: () => detach('unlocatable'),
    onBatch(batch) {
      receive(batch, peers.position)
      detachIfLagging()
    },
    onGap() {
      if (changeRole('missed')) requestJoin()
    },
    onEnd,
    onJoin(join) {
      if (upstream.status !== 200 || !response) return
      const batches = collectMissedBatches(replayBuffer, join, upstream.emptyBatch)
      const { eligibleSince } = tab
      const { idsRepeat } = replayBuffer
      peers.answerJoin(join, batches && { eligibleSince, response, batches, idsRepeat })
      upstream.pump()
    },
    onAcknowledged: upstream.pump,
  })
  const leaderLock = createLeaderLock(dependencies.locks, name, {
    onAcquired: lead,
    onStolen: onReplaced,
    onUnavailable(error) {
      dependencies.onUnavailable(error)
      detach('unshareable')
    },
  })

  /** Leaves the stream. If `end` is given, a leader sends it to its followers; otherwise the next member takes over. */
  function close(end?: EndMessage): void {
    if (role === 'closed') return
    if (role !== 'leader') end = undefined
    else if (response && response.status !== 200) {
      // With a `scope`, each tab has credentials of its own, so their rejection says nothing about the other tabs'
      // credentials.
      const isOwnRefusal = request.scope !== undefined && [401, 403].includes(response.status)
      end = isOwnRefusal ? { problem: '' } : { problem, response }
    }
    if (end) peers.sendEnd(end)
    tab.onRankChanged.delete(announceRank)
    changeRole('close')
    signal.removeEventListener('abort', onAbort)
    upstream.close()
    cancelCheck?.()
    peers.close()
    // Release leadership only after the followers have received `end`, or one of them would reconnect.
    if (end && peers.hasFollowers) clock.after(RELEASE_DELAY_MS, leaderLock.release)
    else leaderLock.release()
  }
  function finish(outcome: FinalOutcome): void {
    const { error } = outcome
    // A network error ends the stream for all members, any other error only for this one.
    close(error ? (isStreamError(error, 'network') ? { problem: error.message } : undefined) : {})
    consumer.finish(response || error ? outcome : { error: connectionLostError() })
  }
  function finishLost(): void {
    finish({ error: connectionLostError() })
  }
  function onAbort(): void {
    finish({ error: signal.reason })
  }

  /**
   * Hands a batch to the consumer; `position` is where it ends, if it comes from a leader. The blocks are copied, so that
   * the consumer cannot modify the replay buffer.
   */
  function receive(batch: UpstreamBatch, position: Position | undefined): void {
    const { connectionId, blocks } = batch
    const begins = !!replayBuffer.connectionId && replayBuffer.connectionId !== connectionId
    replayBuffer.push(batch, position)
    received++
    const { bytes, retry, native, comments } = batch
    consumer.deliver({ blocks: blocks.map((block) => ({ ...block })), bytes, retry, begins, native, comments })
  }
  /** Lets this tab continue from its own cursor if its consumer is too slow. */
  function detachIfLagging(): void {
    if (consumer.bufferedBytes <= MAX_INBOX_BYTES) return
    if (role === 'leader') leaderLock.request()
    detach('lagging')
  }
  function detach(event: 'lagging' | 'unlocatable' | 'unshareable' | 'unanswered'): void {
    if (changeRole(event)) readUpstream()
  }

  /** Reads this tab's own connection if there is one; a detached tab opens one once its consumer has read everything. */
  function readUpstream(): void {
    if (role === 'detached' && !upstream.isOpen && (consumer.isWaiting || !response)) openUpstream()
    else upstream.pump()
  }
  /** Opens a connection that continues from this tab's cursor. */
  function openUpstream(): void {
    if (response && !replayBuffer.cursor) finishLost()
    else void upstream.open(replayBuffer.cursor, { isTakeover: !!response })
  }
  function onResponse(connection: Connection): void {
    // If the consumer already has a response, a rejection is reported as a lost connection; the consumer then retries,
    // with new credentials if necessary.
    if (response && connection.status !== 200) return finishLost()
    if (!response) {
      response = toSharedResponse(connection)
      const { status, url, headers, via } = connection
      const readText = async (maxBytes: number): Promise<string> => (problem = await connection.readText(maxBytes))
      consumer.respond({ status, url, headers, via, readText })
    }
    if (role === 'leader') peers.announce() // joining members then ask again
  }
  /** Gives the response of the leader to the consumer, if it has none. */
  function respondFromLeader(shared: SharedResponse, text: string): void {
    if (response) return
    response = shared
    consumer.respond({ ...shared, headers: new Headers(shared.headers), via: 'tab', readText: async () => text })
  }

  function requestJoin(): void {
    const { cursor, position, cursorEvent } = replayBuffer
    if (response && !cursor && !position) finishLost()
    else peers.requestJoin({ cursor, position, cursorEvent, hasResponse: !!response }, received)
  }
  function onSnapshot(snapshot: SnapshotMessage): void {
    let batches: UpstreamBatch[] | undefined = snapshot.batches
    if (snapshot.received !== received)
      batches = role === 'rejoining' ? sliceAfter(batches, replayBuffer.cursor) : undefined
    // This tab has meanwhile read further than the leader; it will ask again later.
    if (!batches) return
    upstream.close()
    peers.follow(snapshot.sequence)
    changeRole('located')
    respondFromLeader(snapshot.response, '')
    if (snapshot.idsRepeat) replayBuffer.markIdsRepeat()
    batches.forEach((batch, index) => receive(batch, index === batches.length - 1 ? peers.position : undefined))
    detachIfLagging()
    takeOverFromYounger(snapshot.eligibleSince)
  }
  /** Replaces a leader whose tab has been able to lead for a shorter time, so that one tab leads all streams. */
  function takeOverFromYounger(leaderEligibleSince: number): void {
    if (role === 'follower' && replayBuffer.cursor && tab.eligibleSince < leaderEligibleSince)
      leaderLock.request('steal')
  }
  function announceRank(): void {
    if (role === 'leader') peers.announce()
  }
  function onEnd({ response: rejected, problem: text }: EndMessage): void {
    if (rejected && !response) {
      respondFromLeader(rejected, text ?? '')
      close()
    } else finish(text === undefined ? {} : { error: connectionLostError(text) })
  }

  function lead(): void {
    if (!changeRole('acquired')) return
    peers.lead()
    replayBuffer.startEpoch(peers.position)
    if (upstream.isOpen) upstream.pump()
    else openUpstream()
  }
  function onReplaced(): void {
    const wasLeader = role === 'leader'
    if (!changeRole('replaced') || !wasLeader) return
    upstream.close()
    leaderLock.request()
    requestJoin()
  }
  /** Returns whether a leader could locate this detached member. */
  function canRejoin(): boolean {
    return !!replayBuffer.cursor && !replayBuffer.idsRepeat
  }
  function check(): void {
    cancelCheck = clock.after(CHECK_INTERVAL_MS, check)
    if (role === 'leader') return
    if (role === 'rejoining') return detach('unanswered')
    if (role === 'detached' && upstream.status && consumer.isEmpty && canRejoin()) changeRole('caughtUp')
    else if (peers.checkLeader()) leaderLock.request('steal')
    if (role !== 'detached' && role !== 'follower') requestJoin()
  }

  tab.onRankChanged.add(announceRank)
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  else {
    cancelCheck = clock.after(CHECK_INTERVAL_MS, check)
    requestJoin()
    leaderLock.request()
  }
  return consumer.connection
}
