/** EventSource conformance cases: their types, assertions, and the runner for pages, workers and Node. */

/** A response of the canned response server. */
export interface CannedResponse {
  /** @defaultValue 200 */
  status?: number
  /** @defaultValue `text/event-stream` */
  type?: string
  headers?: Record<string, string>
  /** `{name}` is replaced with the request header of that name. @defaultValue one event with the data `data` */
  body?: string | string[]
  /** Whether the response is left open. @defaultValue `false` */
  staysOpen?: boolean
  /** Cuts the connection: `head` before the response, `body` after the body, in the middle of an additional event. */
  cut?: 'head' | 'body'
  /** Status of the response to a preflight. @defaultValue 204 */
  preflightStatus?: number
}

export interface ReceivedRequest {
  method: string
  headers: Record<string, string>
  body: string
}

/** The kind of global scope in which a case runs. */
export type Realm = 'node' | 'window' | 'dedicated worker' | 'shared worker' | 'service worker'

/** Tools for a running case. */
export interface CaseContext {
  readonly EventSource: typeof globalThis.EventSource
  /** Returns a URL that serves these responses, one after the other. */
  urlFor(...answers: CannedResponse[]): string
  /** Like `urlFor`, but on another origin. */
  crossOriginUrlFor(...answers: CannedResponse[]): string
  /** Resolves with the requests that one of these URLs has received so far. */
  requests(url: string): Promise<ReceivedRequest[]>
  /** Creates an `EventSource` that is closed after the case. */
  open(url: string | URL, options?: EventSourceInit): EventSource
}

export interface Case {
  /** Name of the corresponding file in the folder `eventsource` of the web-platform-tests, or a description. */
  readonly name: string
  /** Realms in which the case runs. @defaultValue all realms */
  readonly realms?: readonly Realm[]
  /** Whether the case runs after all others, because it would disturb them. @defaultValue `false` */
  runsAlone?: boolean
  run(context: CaseContext): Promise<void> | void
}

/** Throws unless both values are equal. */
export function assertSame(actual: unknown, expected: unknown, label = ''): void {
  const [one, other] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (!Object.is(actual, expected) && (one !== other || typeof actual !== 'object'))
    throw new Error(`${label} ${one ?? String(actual)} is not ${other ?? String(expected)}`)
}

/** Resolves with the next event of this type. */
export function nextEvent(source: EventSource, type: 'open' | 'error'): Promise<Event>
export function nextEvent(source: EventSource, type: string): Promise<MessageEvent<string>>
export function nextEvent(source: EventSource, type: string): Promise<Event> {
  return new Promise((resolve) => source.addEventListener(type, resolve, { once: true }))
}

/** Resolves with the data of the next `count` messages; rejects if the source closes first. */
export function nextMessages(source: EventSource, count: number): Promise<string[]> {
  const found: string[] = []
  return new Promise((resolve, reject) => {
    source.addEventListener('message', ({ data }) => {
      if (found.push(data as string) === count) resolve(found)
    })
    source.addEventListener('error', () => {
      if (source.readyState === 2) reject(new Error(`the source closed after the messages ${JSON.stringify(found)}`))
    })
  })
}

/** Rejects when an event of one of these types is fired. */
export function rejectOn(source: EventSource, ...types: string[]): Promise<never> {
  return new Promise((_, reject) => {
    for (const type of types) source.addEventListener(type, () => reject(new Error(`unexpected event ${type}`)))
  })
}

/** Runs one case. Resolves with an error message, or with an empty string if the case passed. */
async function runCase(
  { name, run }: Case,
  realm: Realm,
  Implementation: typeof globalThis.EventSource,
  { url, otherUrl }: Servers,
): Promise<string> {
  const opened: EventSource[] = []
  const address = (base: string, answers: CannedResponse[]): string => {
    const key = `${name} ${realm} ${Math.random()}`
    return `${base}/answer?${new URLSearchParams({ key, answers: JSON.stringify(answers) })}`
  }
  const context: CaseContext = {
    EventSource: Implementation,
    urlFor: (...answers) => address(url, answers),
    crossOriginUrlFor: (...answers) => address(otherUrl, answers),
    async requests(requestUrl) {
      const key = new URL(requestUrl).searchParams.get('key') ?? ''
      const response = await fetch(`${url}/requests?${new URLSearchParams({ key })}`)
      return (await response.json()) as ReceivedRequest[]
    },
    open(target, options) {
      const source = new Implementation(target, options)
      opened.push(source)
      return source
    },
  }
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    const timeout = new Promise<never>(
      (_, reject) =>
        (timer = setTimeout(() => reject(new Error(`no result within ${CASE_TIMEOUT_MS} ms`)), CASE_TIMEOUT_MS)),
    )
    await Promise.race([run(context), timeout])
    return ''
  } catch (error) {
    return String(error)
  } finally {
    clearTimeout(timer)
    for (const source of opened) source.close()
  }
}

export interface Servers {
  readonly url: string
  readonly otherUrl: string
}

/** Milliseconds after which a case without a result fails. */
const CASE_TIMEOUT_MS = 6_000
/** Fewer than the six connections per origin that browsers allow. */
const MAX_CONCURRENT_CASES = 4

/** Runs the cases of a realm. Resolves with an error message for each case name, or an empty string if the case passed. */
export async function runCases(
  cases: readonly Case[],
  realm: Realm,
  Implementation: typeof globalThis.EventSource,
  servers: Servers,
): Promise<Record<string, string>> {
  const results: Record<string, string> = {}
  const selected = cases.filter(({ realms }) => !realms || realms.includes(realm))
  for (const queue of [selected.filter(({ runsAlone }) => !runsAlone), selected.filter(({ runsAlone }) => runsAlone)]) {
    const work = async (): Promise<void> => {
      for (let each = queue.shift(); each; each = queue.shift())
        results[each.name] = await runCase(each, realm, Implementation, servers)
    }
    await Promise.all(Array.from({ length: MAX_CONCURRENT_CASES }, work))
  }
  return results
}
