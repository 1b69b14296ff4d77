/**
 * One tab's part in a shared stream: it leads, follows, or has a connection of its own until it has caught up.
 * (Over 300 lines: what each role does on a message, a read, and a change of the lead is one state machine.)
 */
import { StreamError, isStreamError } from '../base/errors.ts'
import { nameRequest } from '../base/request-label.ts'
import { createUuid } from '../base/uuid.ts'
import type { Batch, ConnectRequest, Connection } from '../connect/connect.ts'
import { type Election, createElection } from './leader-lock.ts'
import { BEAT, COURTESY, HOLD, PATIENCE, TAKEOVER, WINDOW } from './limits.ts'
import { type Answer, type Call, type Message, type Notice, showAnswer } from './message.ts'
import { createRing, sizeOf, sliceAfter } from './replay-buffer.ts'
import type { Role, Surroundings } from './dependencies.ts'

/** A connection of this tab's own. */
interface Line {
  controller: AbortController
  connection?: Connection
  read?: Promise<Batch | null>
}

/** Opens the stream's connection, or takes part in one that another tab has. */
export function joinStream(request: ConnectRequest, name: string, around: Surroundings): Promise<Connection> {
  const { signal, lastEventId = '' } = request
  const { clock, tab } = around
  const me = createUuid()
  const channel = around.openChannel(name)
  const ring = createRing(lastEventId)
  const inbox: Batch[] = []
  /** As leader: bytes that each follower has not acknowledged. */
  const followers = new Map<string, number>()
  let role: Role = 'joining'
  let epoch = 0
  let sequence = 0
  let cursor = lastEventId
  let held = 0 // bytes in the inbox
  let taken = 0 // bytes that were not acknowledged yet
  let silence = 0 // looks without a sign of the leader
  let answer: Answer | undefined
  let problem = ''
  let line: Line | undefined
  let reading: { resolve(batch: Batch | null): void; reject(error: unknown): void } | undefined
  let over: { error?: unknown } | undefined
  let cancelBeat: (() => void) | undefined
  let settle!: { resolve(connection: Connection): void; reject(error: unknown): void }

  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none: all that it reaches is of this origin
  const say = (message: Message): void => channel.postMessage(message)
  const broken = (why?: string): StreamError =>
    new StreamError('network', why || `Lost: ${nameRequest('GET', request.url)}`, { retryable: true })
  const become = (next: Role): void => {
    // Who could not keep up, or keep the lead, is not to take it at once.
    if (next === 'apart' || (role === 'leading' && next === 'joining')) tab.since = Date.now()
    role = next
    around.onRole(next)
  }
  const drop = (): void => {
    line?.connection?.cancel()
    line?.controller.abort()
    line = undefined
  }
  /** `end`: of the connection, for the others. Without one the next of them takes over. */
  const leave = (end?: Pick<Notice & { type: 'end' }, 'answer' | 'problem'>): void => {
    if (role === 'gone') return
    if (role !== 'leading') end = undefined
    else if (answer && answer.status !== 200) {
      // A refusal of credentials is about this tab's alone: the others have to show their own.
      const isOwn = request.scope !== undefined && [401, 403].includes(answer.status)
      end = isOwn ? { problem: '' } : { problem, answer }
    }
    if (end) say({ type: 'end', epoch, ...end })
    become('gone')
    signal.removeEventListener('abort', abort)
    drop()
    cancelBeat?.()
    channel.close()
    // Nobody is to take over what is over: the lead is free when they have heard of it.
    if (end && followers.size) clock.after(COURTESY, election.withdraw)
    else election.withdraw()
  }
  const finish = (outcome: { error?: unknown } = { error: broken() }): void => {
    const { error } = outcome
    over = outcome
    // Any other failure is this tab's own.
    leave(error ? (isStreamError(error, 'network') ? { problem: error.message } : undefined) : {})
    if (!answer) settle.reject(error ?? broken())
    serve()
  }
  const abort = (): void => finish({ error: signal.reason })

  const opened = (
    head: Answer,
    readProblem: Connection['problem'],
    headers = new Headers(head.headers),
    { url }: { url: string } = head,
  ): void => {
    answer = head
    const read = (): Promise<Batch | null> =>
      new Promise((resolve, reject) => {
        reading = { resolve, reject }
        serve()
      })
    settle.resolve({ ...head, url, headers, read, problem: readProblem, cancel: () => leave() })
  }
  /** Gives the consumer what it waits for, if it is here. */
  const serve = (): void => {
    if (!reading) return
    const batch = inbox.shift()
    if (!batch && !over) return void pump()
    const { resolve, reject } = reading
    reading = undefined
    if (batch) {
      held -= batch.bytes
      taken += batch.bytes
      if (role === 'following' && taken >= WINDOW / 4) {
        say({ type: 'ack', from: me, bytes: taken })
        taken = 0
      }
      resolve(batch)
    } else if (over && 'error' in over) reject(over.error)
    else resolve(null)
  }
  /** Takes what has come for the consumer. It gets copies: what it does with them is not to be seen in the ring. */
  const take = (batch: Batch): void => {
    for (const block of batch.blocks) {
      const { type, id } = block
      // A greeting may name another place than was asked for: only the reset behind it says that the old one is gone.
      if (type === 'connected') cursor ||= id ?? ''
      else cursor = id ?? ((type === 'reset' && ring.greeting?.id) || cursor)
      if (role === 'following' || role === 'leading') ring.push(block)
    }
    inbox.push({ ...batch, blocks: batch.blocks.map((block) => ({ ...block })) })
    held += batch.bytes
    serve()
    if (held > HOLD) fallBehind()
  }
  /** The consumer is too slow for the others: it goes on from its place by itself. */
  const fallBehind = (): void => {
    if (role === 'leading') election.stand()
    else if (role !== 'following') return
    goApart()
  }
  const goApart = (): void => {
    become('apart')
    void pump()
  }

  const isWanted = (): boolean =>
    (!!reading && !inbox.length && role !== 'asking') ||
    (role === 'leading' && [...followers.values()].some((bytes) => bytes < WINDOW))
  /** Reads as long as somebody wants more. */
  const pump = async (): Promise<void> => {
    if (role === 'apart' && !line && (reading || !answer)) return void open()
    const mine = line
    if (!mine?.connection || mine.read || !isWanted()) return
    mine.read = mine.connection.read()
    let outcome: { error?: unknown } = {}
    const batch = await mine.read.catch((error: unknown) => {
      outcome = { error }
      return null
    })
    delete mine.read
    if (line !== mine) return
    if (!batch) return finish(outcome)
    if (role === 'leading') {
      sequence++
      if (followers.size) say({ type: 'batch', epoch, sequence, batch })
      for (const [follower, bytes] of followers) {
        if (bytes < 4 * HOLD) followers.set(follower, bytes + batch.bytes)
        else followers.delete(follower) // fell behind long ago, or is gone
      }
    }
    take(batch)
    void pump()
  }
  /** Opens a connection from where this tab is. */
  const open = async (): Promise<void> => {
    const mine: Line = (line = { controller: new AbortController() })
    const resumes = !!answer
    if (resumes && !cursor) return finish()
    const cancelDeadline = resumes ? clock.after(TAKEOVER, () => line === mine && finish()) : undefined
    try {
      const connection = await around.connect({
        ...request,
        lastEventId: cursor || undefined,
        signal: mine.controller.signal,
      })
      if (line !== mine) return connection.cancel()
      mine.connection = connection
      const { status } = connection
      // Whoever asks anew is told why, and has new credentials.
      if (!resumes)
        opened(
          showAnswer(connection),
          async (maxBytes) => (problem = await connection.problem(maxBytes)),
          connection.headers,
          connection,
        )
      else if (status !== 200) return finish()
      if (role === 'leading') say({ type: 'lead', epoch, sequence }) // who waits asks again
      void pump()
    } catch (error) {
      if (line === mine) finish({ error })
    } finally {
      cancelDeadline?.()
    }
  }
  const welcome = ({ from: to, cursor: asked, open: isOpen }: Call & { type: 'join' }): void => {
    const { greeting } = ring
    const missed = !asked && greeting ? [] : ring.after(asked)
    if (!missed || !answer) return say({ type: 'miss', epoch, to })
    const blocks = !isOpen && greeting ? [{ ...greeting, id: asked || cursor }, ...missed] : missed
    const bytes = blocks.reduce((sum, block) => sum + sizeOf(block), 1)
    followers.set(to, bytes)
    say({
      type: 'welcome',
      epoch,
      to,
      cursor: asked,
      base: asked || (greeting ? undefined : ''),
      since: tab.since,
      sequence,
      answer,
      blocks,
      bytes,
    })
    void pump()
  }

  const askToJoin = (): void => {
    if (answer && !cursor) finish()
    else say({ type: 'join', from: me, cursor, open: !!answer })
  }
  const follow = (notice: Notice & { type: 'welcome' }): void => {
    const blocks = notice.cursor === cursor ? notice.blocks : sliceAfter(notice.blocks, cursor)
    // It has read on in between, further than the leader: another time.
    if (!blocks) return
    drop()
    sequence = notice.sequence
    if (!answer) ring.reset(notice.base)
    else if (role === 'asking') ring.reset(cursor)
    become('following')
    if (!answer) opened(notice.answer, async () => '')
    take({ blocks, bytes: notice.bytes })
    if (role === 'following' && cursor && tab.since < notice.since) election.stand('seize')
  }
  const obey = (notice: Notice): void => {
    if (notice.epoch < epoch) return
    silence = 0
    if (notice.epoch > epoch) {
      epoch = notice.epoch
      if (role === 'leading') stepDown()
      else if (role === 'following') become('joining')
    }
    const { type } = notice
    if (type === 'lead') {
      if (role === 'joining') askToJoin()
      else if (role === 'following' && notice.sequence > sequence) fallBehind()
    } else if (type === 'batch') {
      if (role !== 'following') return
      if (notice.sequence === ++sequence) take(notice.batch)
      else fallBehind()
    } else if (type === 'end') {
      if (role !== 'following' && role !== 'joining') return
      if (notice.answer && !answer) {
        opened(notice.answer, async () => notice.problem!)
        leave()
      } else finish(notice.problem === undefined ? {} : { error: broken(notice.problem) })
    } else if (notice.to === me && (role === 'joining' || role === 'asking')) {
      if (type === 'welcome') follow(notice)
      else goApart()
    }
  }
  const attend = (call: Call): void => {
    if (role !== 'leading') return
    if (call.type === 'ping') return say({ type: 'lead', epoch, sequence })
    const { from } = call
    if (call.type === 'join') {
      followers.set(from, WINDOW) // and wants nothing yet
      if (line?.connection?.status === 200) welcome(call)
    } else {
      followers.set(from, (followers.get(from) ?? 0) - call.bytes)
      void pump()
    }
  }

  const lead = (): void => {
    // Epochs are times of the day, so that who has heard of no other leader comes after those that were.
    epoch = Math.max(epoch + 1, Date.now() + Math.random())
    sequence = 0
    if (answer) ring.forget()
    followers.clear()
    become('leading')
    say({ type: 'lead', epoch, sequence })
    if (line) {
      ring.reset(cursor)
      void pump()
    } else void open()
  }
  const stepDown = (): void => {
    if (role !== 'leading') return
    drop()
    become('joining')
    election.stand()
    askToJoin()
  }
  const election: Election = createElection(around.locks, name, {
    won: lead,
    lost: stepDown,
    failed(error) {
      around.onFailure(error)
      if (role === 'joining') goApart()
    },
  })
  const beat = (): void => {
    cancelBeat = clock.after(BEAT, beat)
    if (role === 'leading') return
    if (role === 'asking') return goApart()
    if (role === 'apart' && line?.connection && cursor && !inbox.length) become('asking')
    else if (++silence >= PATIENCE) {
      silence = 0
      election.stand('seize')
    } else if (silence > 1) say({ type: 'ping' })
    if (role !== 'apart' && role !== 'following') askToJoin()
  }

  channel.addEventListener('message', ({ data }) => {
    const message = Object(data) as Message
    if (role === 'gone') return
    if ('epoch' in message) obey(message)
    else attend(message)
  })
  return new Promise((resolve, reject) => {
    settle = { resolve, reject }
    signal.addEventListener('abort', abort)
    if (signal.aborted) return abort()
    cancelBeat = clock.after(BEAT, beat)
    askToJoin()
    election.stand()
  })
}
