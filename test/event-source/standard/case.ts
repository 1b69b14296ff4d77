/** What a case of the standard is: run in a page, in a worker or in Node, with any `EventSource`, against the answering server. */

/** What the server answers. */
export interface CannedResponse {
  /** @defaultValue 200 */
  status?: number
  /** @defaultValue `text/event-stream` */
  type?: string
  headers?: Record<string, string>
  /** `{name}` is the request's header of that name. @defaultValue one event with the data `data` */
  body?: string | string[]
  /** Whether the answer is left open. @defaultValue false */
  staysOpen?: boolean
  /** The connection is cut: before the answer, or in the middle of an event after the body. */
  cut?: 'head' | 'body'
  /** The status for a preflight. @defaultValue 204 */
  preflightStatus?: number
}

export interface ReceivedRequest {
  method: string
  headers: Record<string, string>
  body: string
}

/** Where a case runs. */
export type Realm = 'node' | 'window' | 'dedicated worker' | 'shared worker' | 'service worker'

/** What a case has. */
export interface CaseContext {
  readonly EventSource: typeof globalThis.EventSource
  /** An address that gives these answers, one after the other. */
  urlFor(...answers: CannedResponse[]): string
  /** The same on another origin. */
  crossOriginUrlFor(...answers: CannedResponse[]): string
  /** What was asked at an address. */
  requests(address: string): Promise<ReceivedRequest[]>
  /** Closes it when the case is over. */
  open(url: string | URL, options?: EventSourceInit): EventSource
}

export interface Case {
  /** The file in the folder `eventsource` of the web-platform-tests that asks for the same, or what of the standard it is. */
  readonly name: string
  /** @defaultValue everywhere */
  readonly realms?: readonly Realm[]
  /** Whether it runs after all others, because it would disturb them. @defaultValue false */
  runsAlone?: boolean
  run(scene: CaseContext): Promise<void> | void
}

/** Fails unless both are the same. */
export function assertSame(actual: unknown, expected: unknown, what = ''): void {
  const [one, other] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (!Object.is(actual, expected) && (one !== other || typeof actual !== 'object'))
    throw new Error(`${what} ${one ?? String(actual)} is not ${other ?? String(expected)}`)
}

/** The next event of this type. */
export function nextEvent(source: EventSource, type: 'open' | 'error'): Promise<Event>
export function nextEvent(source: EventSource, type: string): Promise<MessageEvent<string>>
export function nextEvent(source: EventSource, type: string): Promise<Event> {
  return new Promise((resolve) => source.addEventListener(type, resolve, { once: true }))
}

/** The data of the first messages, as many as asked for. */
export function nextMessages(source: EventSource, count: number): Promise<string[]> {
  const found: string[] = []
  return new Promise((resolve, reject) => {
    source.addEventListener('message', ({ data }) => {
      if (found.push(data as string) === count) resolve(found)
    })
    source.addEventListener('error', () => {
      if (source.readyState === 2) reject(new Error(`closed after ${JSON.stringify(found)}`))
    })
  })
}

/** Fails when one of these events comes before `done`. */
export function rejectOn(source: EventSource, ...types: string[]): Promise<never> {
  return new Promise((_, reject) => {
    for (const type of types) source.addEventListener(type, () => reject(new Error(`there was an event ${type}`)))
  })
}

/** Runs one case; a passed one is told by an empty message. */
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
  const scene: CaseContext = {
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
      (_, reject) => (timer = setTimeout(() => reject(new Error('nothing happened')), CASE_TIMEOUT_MS)),
    )
    await Promise.race([run(scene), timeout])
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

/** What never comes is waited for this long (milliseconds). */
const CASE_TIMEOUT_MS = 6_000
/** Browsers have six connections to an origin. */
const MAX_CONCURRENT_CASES = 4

/** Runs the cases of a realm; what failed is told by its message, and what passed by an empty one. */
export async function runCases(
  cases: readonly Case[],
  realm: Realm,
  Implementation: typeof globalThis.EventSource,
  servers: Servers,
): Promise<Record<string, string>> {
  const results: Record<string, string> = {}
  const selected = cases.filter(({ realms }) => !realms || realms.includes(realm))
  for (const waiting of [
    selected.filter(({ runsAlone }) => !runsAlone),
    selected.filter(({ runsAlone }) => runsAlone),
  ]) {
    const work = async (): Promise<void> => {
      for (let each = waiting.shift(); each; each = waiting.shift())
        results[each.name] = await runCase(each, realm, Implementation, servers)
    }
    await Promise.all(Array.from({ length: MAX_CONCURRENT_CASES }, work))
  }
  return results
}
