/** What a case of the standard is: run in a page, in a worker or in Node, with any `EventSource`, against the answering server. */

/** What the server answers. */
export interface Answer {
  /** @defaultValue 200 */
  status?: number
  /** @defaultValue `text/event-stream` */
  type?: string
  headers?: Record<string, string>
  /** `{name}` is the request's header of that name. @defaultValue one event with the data `data` */
  body?: string | string[]
  /** Whether the answer is left open. @defaultValue false */
  stays?: boolean
  /** The connection is cut: before the answer, or in the middle of an event after the body. */
  cut?: 'head' | 'body'
  /** The status for a preflight. @defaultValue 204 */
  preflight?: number
}

export interface SeenRequest {
  method: string
  headers: Record<string, string>
  body: string
}

/** Where a case runs. */
export type Realm = 'node' | 'window' | 'dedicated worker' | 'shared worker' | 'service worker'

/** What a case has. */
export interface Scene {
  readonly EventSource: typeof globalThis.EventSource
  /** An address that gives these answers, one after the other. */
  answer(...answers: Answer[]): string
  /** The same on another origin. */
  answerElsewhere(...answers: Answer[]): string
  /** What was asked at an address. */
  requests(address: string): Promise<SeenRequest[]>
  /** Closes it when the case is over. */
  open(url: string | URL, options?: EventSourceInit): EventSource
}

export interface Case {
  /** The file in the folder `eventsource` of the web-platform-tests that asks for the same, or what of the standard it is. */
  readonly name: string
  /** @defaultValue everywhere */
  readonly realms?: readonly Realm[]
  /** Whether it runs after all others, because it would disturb them. @defaultValue false */
  alone?: boolean
  run(scene: Scene): Promise<void> | void
}

/** Fails unless both are the same. */
export function same(actual: unknown, expected: unknown, what = ''): void {
  const [one, other] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (!Object.is(actual, expected) && (one !== other || typeof actual !== 'object'))
    throw new Error(`${what} ${one ?? String(actual)} is not ${other ?? String(expected)}`)
}

/** The next event of this type. */
export function next(source: EventSource, type: 'open' | 'error'): Promise<Event>
export function next(source: EventSource, type: string): Promise<MessageEvent<string>>
export function next(source: EventSource, type: string): Promise<Event> {
  return new Promise((resolve) => source.addEventListener(type, resolve, { once: true }))
}

/** The data of the first messages, as many as asked for. */
export function messages(source: EventSource, count: number): Promise<string[]> {
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
export function never(source: EventSource, ...types: string[]): Promise<never> {
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
  const address = (base: string, answers: Answer[]): string => {
    const key = `${name} ${realm} ${Math.random()}`
    return `${base}/answer?${new URLSearchParams({ key, answers: JSON.stringify(answers) })}`
  }
  const scene: Scene = {
    EventSource: Implementation,
    answer: (...answers) => address(url, answers),
    answerElsewhere: (...answers) => address(otherUrl, answers),
    async requests(asked) {
      const key = new URL(asked).searchParams.get('key') ?? ''
      const response = await fetch(`${url}/requests?${new URLSearchParams({ key })}`)
      return (await response.json()) as SeenRequest[]
    },
    open(target, options) {
      const source = new Implementation(target, options)
      opened.push(source)
      return source
    },
  }
  let limit: ReturnType<typeof setTimeout> | undefined
  try {
    const overdue = new Promise<never>(
      (_, reject) => (limit = setTimeout(() => reject(new Error('nothing happened')), PATIENCE)),
    )
    await Promise.race([run(scene), overdue])
    return ''
  } catch (error) {
    return String(error)
  } finally {
    clearTimeout(limit)
    for (const source of opened) source.close()
  }
}

export interface Servers {
  readonly url: string
  readonly otherUrl: string
}

/** What never comes is waited for this long (milliseconds). */
const PATIENCE = 6_000
/** Browsers have six connections to an origin. */
const AT_ONCE = 4

/** Runs the cases of a realm; what failed is told by its message, and what passed by an empty one. */
export async function runCases(
  cases: readonly Case[],
  realm: Realm,
  Implementation: typeof globalThis.EventSource,
  servers: Servers,
): Promise<Record<string, string>> {
  const results: Record<string, string> = {}
  const selected = cases.filter(({ realms }) => !realms || realms.includes(realm))
  for (const waiting of [selected.filter(({ alone }) => !alone), selected.filter(({ alone }) => alone)]) {
    const work = async (): Promise<void> => {
      for (let each = waiting.shift(); each; each = waiting.shift())
        results[each.name] = await runCase(each, realm, Implementation, servers)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
  }
  return results
}
