/** Runs: finite streams that are generated once, and can be read by any number of readers (PROTOCOL.md 3). */
import { parseJson, readBody } from '../http/body.ts'
import type { EndpointContext, Exchange } from '../http/endpoint.ts'
import { connectionResponse, countStream, createHandler } from '../http/endpoint.ts'
import type { Identity } from '../http/identity.ts'
import { HttpError, isHttpError } from '../http/problem.ts'
import { everything } from '../stream/view.ts'
import { parseId } from '../stream/wire-id.ts'
import { compacted } from './compact.ts'
import { fingerprint } from './fingerprint.ts'
import { LEASE_MS, LOOK_MS } from './leases.ts'
import type { RunAccess, Runs, RunsOptions } from './options.ts'
import { Presence } from './presence.ts'
import { Producers } from './producers.ts'

/** What a server needs of its runs. */
export interface ManagedRuns extends Runs {
  /** Waits up to `grace` milliseconds for the runs of this process, then gives up those that are left. */
  close(grace: number): Promise<void>
}

/** What starts a run. */
interface StartRequest<Body> {
  readonly body: Body
  /** Text that identical requests share. */
  readonly text: string
}

const NO_CONTENT = 204
/** Parameters of the query that are not part of what a GET asks for. */
const OWN_PARAMETERS = ['run', 'compact', 'lastEventId']

const streamOf = (id: string): string => `run:${id}`
const idOf = (stream: string): string => stream.slice('run:'.length)
const noSuchRun = (): HttpError => new HttpError(404, 'There is no such run.')

/** Everything of a request to start a run that its key is valid for. */
const scopeKey = ({ identity, url }: Exchange<Identity>, method: string, key: string): string =>
  JSON.stringify([identity.subject, method, url.pathname, key])

/** Creates the runs of one handler. */
export function createRuns<Body, Id extends Identity>(
  context: EndpointContext<Id>,
  options: RunsOptions<Body, Id>,
  waitUntil: ((promise: Promise<unknown>) => void) | undefined,
): ManagedRuns {
  const { hub, instrument, limits } = context
  const { log, clock } = hub.options
  const { retention = 60_000 } = options
  const presence = new Presence(log, clock)
  const producers = new Producers(context, { runs: options, waitUntil, isRead: (stream) => presence.has(stream) })

  const isAllowed = async (identity: Id, access: RunAccess): Promise<boolean> => {
    if (options.authorize) return options.authorize(identity, access)
    return access.owner === identity.subject
  }
  /** Returns the stream of a run that the identity may read or cancel. */
  const findRun = async (id: string, action: 'read' | 'cancel', identity: Id): Promise<string> => {
    const record = await log.find(streamOf(id))
    if (!record || !(await isAllowed(identity, { action, id, owner: record.owner }))) throw noSuchRun()
    return streamOf(id)
  }

  const parseRequest = async ({ request, url }: Exchange<Id>): Promise<StartRequest<Body>> => {
    const parameters = new URLSearchParams(url.search)
    for (const name of OWN_PARAMETERS) parameters.delete(name)
    const isGet = request.method === 'GET'
    const text = isGet ? parameters.toString() : await readBody(request, limits.body)
    const body: unknown = isGet ? Object.fromEntries(parameters) : parseJson(text)
    try {
      return { body: options.parse ? await options.parse(body) : (body as Body), text }
    } catch (error) {
      throw isHttpError(error) ? error : new HttpError(400, 'The request does not describe a run.')
    }
  }

  const openReader = async (
    exchange: Exchange<Id>,
    stream: string,
    position: number,
    nonce: string,
  ): Promise<Response> => {
    const { identity, request, url, interception } = exchange
    const { heartbeat, view } = interception
    const id = idOf(stream)
    const uncount = countStream(context, identity)
    try {
      const page = await log.read(stream, Number.MAX_SAFE_INTEGER, { bytes: 1 })
      if (!page) throw noSuchRun()
      const leave = presence.add(stream)
      const record = { kind: 'run', stream: id, subject: identity.subject } as const
      const reader = hub.open({
        stream,
        page,
        prefix: id,
        position,
        nonce,
        record,
        heartbeat,
        // Only a look at the log ends a run whose process was lost.
        lookInterval: LOOK_MS,
        opening: '',
        replay: view ?? (url.searchParams.get('compact') === '0' ? everything : compacted),
        live: view ?? everything,
        expiresAt: identity.expiresAt,
        onClose() {
          leave()
          uncount()
        },
      })
      if (position > 0) instrument({ type: 'resumed', missed: page.head - position, ...record })
      return connectionResponse(context, reader, { kind: 'run', stream: id, request, identity })
    } catch (error) {
      uncount()
      throw error
    }
  }

  const resume = async (exchange: Exchange<Id>, id: string): Promise<Response> => {
    const { identity, lastEventId } = exchange
    const stream = await findRun(id, 'read', identity)
    if (lastEventId === undefined) return openReader(exchange, stream, 0, '')
    const requested = parseId(lastEventId)
    if (requested?.prefix !== id) throw new HttpError(400, 'Last-Event-ID: expected the ID of an event of this run.')
    const { position, nonce } = requested
    const page = await log.read(stream, position, { bytes: 1 })
    if (!page) throw noSuchRun()
    // The log has lost its end, and other events may have been given the positions.
    if (position > page.head || (position > 0 && page.previousNonce !== nonce)) {
      throw new HttpError(410, 'The run was continued differently.')
    }
    if (page.state === 'closed' && position === page.head) return new Response(null, { status: NO_CONTENT })
    const from = exchange.interception.begin?.(stream, requested) ?? requested
    return openReader(exchange, stream, from.position, from.nonce)
  }

  const start = async (exchange: Exchange<Id>): Promise<Response> => {
    const { identity, request, interception } = exchange
    if (!(await isAllowed(identity, { action: 'start', owner: identity.subject }))) {
      throw new HttpError(403, 'Runs may not be started.')
    }
    const { body, text } = await parseRequest(exchange)
    const key = request.headers.get('idempotency-key')
    const id = crypto.randomUUID()
    const stream = streamOf(id)
    if (context.authenticate && producers.countOf(identity) >= limits.runs) {
      throw new HttpError(429, 'Too many unfinished runs.')
    }
    const claim = await log.claim(stream, {
      ...(key ? { key: scopeKey(exchange, request.method, key), fingerprint: await fingerprint(text) } : {}),
      owner: identity.subject,
      lease: LEASE_MS,
      keep: retention,
    })
    switch (claim.role) {
      case 'conflict':
        throw new HttpError(422, 'The Idempotency-Key was used with a different body.')
      case 'full':
        throw new HttpError(503, 'The server keeps as many runs as it may.')
      case 'reader':
        return openReader(exchange, claim.stream, 0, '')
      case 'producer':
        producers.start({ ...claim, id, stream, body, identity, interception })
        return openReader(exchange, stream, 0, '')
    }
  }

  const get = async (exchange: Exchange<Id>): Promise<Response> => {
    const { url, lastEventId } = exchange
    const id = url.searchParams.get('run')
    if (id !== null) return resume(exchange, id)
    // An `EventSource` that reconnects must not start another run.
    if (lastEventId !== undefined) return resume(exchange, parseId(lastEventId)?.prefix ?? '')
    return start(exchange)
  }

  const cancel = async (exchange: Exchange<Id>): Promise<Response> => {
    const { url, identity, request } = exchange
    const id = url.searchParams.get('run')
    if (id !== null) await log.stop(await findRun(id, 'cancel', identity))
    else {
      const key = request.headers.get('idempotency-key')
      if (!key) throw new HttpError(400, 'DELETE: expected ?run= or the header Idempotency-Key.')
      for (const method of ['POST', 'GET']) {
        const stream = await log.cancelKey(scopeKey(exchange, method, key), retention)
        if (stream === undefined) continue
        await log.stop(stream)
        break
      }
    }
    return new Response(null, { status: NO_CONTENT })
  }

  return {
    handler: createHandler(context, { GET: get, POST: start, DELETE: cancel }),
    close: (grace) => producers.close(grace),
  }
}
