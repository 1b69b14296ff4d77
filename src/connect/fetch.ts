/** The default `Connect`: opens connections with `fetch`. */
import { formatRequestLabel } from '../base/request-error.ts'
import { type Block, type BlockParser, type BlockParserOptions, createBlockParser } from '../sse/parse.ts'
import type { Batch, Connect, ConnectRequest, Connection } from './connect.ts'
import { openBody } from './read-body.ts'
import { fetchFollowingRedirects } from './redirect.ts'
import { sendRequest } from './send-request.ts'

/** Longest text without field names that is kept, in characters. */
const MAX_BARE_CHARS = 0x4000

type CreateParser = (options: BlockParserOptions) => BlockParser

/**
 * Creates the default `Connect`, on which a custom `Connect` can be built.
 *
 * @param fetch - Replacement for the global `fetch`, which is otherwise looked up on each request.
 * @example
 * ```ts
 * const connect = fetchConnect((input, init) => fetch(input, { ...init, priority: 'high' }))
 * const client = createClient({ connect })
 * ```
 */
export function fetchConnect(fetch?: typeof globalThis.fetch): Connect {
  return fetchConnectWithParser(createBlockParser, fetch, fetchFollowingRedirects)
}

/**
 * `fetchConnect` for entries with a parser of their own. Without `followRedirects`, requests must not have credentials,
 * because redirects might carry them to other origins.
 */
export function fetchConnectWithParser(
  makeParser: CreateParser,
  fetch?: typeof globalThis.fetch,
  followRedirects?: typeof fetchFollowingRedirects,
): Connect {
  return async (request) => createConnection(await sendRequest(request, fetch, followRedirects), request, makeParser)
}

function createConnection(response: Response, request: ConnectRequest, makeParser: CreateParser): Connection {
  const { status, headers, url } = response
  const body = openBody(response, request)
  let batch: Batch
  let failure: unknown
  let isEnded = false
  /** JSON without field names: a server that fails may send its error like that. */
  let bareText = ''
  const parser = makeParser({
    maxEventSize: request.maxEventSize,
    label: formatRequestLabel(request),
    onBlock: (block) => batch.blocks.push(block),
    onRetry: (ms) => (batch.retry = ms),
    onUnknown(line) {
      if (bareText || line[0] === '{') bareText += `${line}\n`.slice(0, MAX_BARE_CHARS - bareText.length)
    },
    ...(request.wantsComments && {
      onComment: (text) => (batch.comments ??= []).push({ position: batch.blocks.length, text }),
    }),
  })

  return {
    status,
    headers,
    url: url || request.url,
    async read() {
      if (failure) throw failure
      if (isEnded) return null
      const bytes = await body.read()
      batch = { blocks: [], bytes: bytes?.length ?? 0 }
      if (!bytes) {
        isEnded = true
        const isCut = parser.finish()
        // A block without data and without an id is not reported, but it was cut off, too.
        const [cutBlock] = bareText ? [] : batch.blocks
        const unfinished: Block = cutBlock ?? {
          type: bareText && 'message',
          data: bareText || undefined,
          id: undefined,
        }
        return isCut || bareText ? { blocks: [], bytes: 0, unfinished } : null
      }
      try {
        parser.push(bytes)
      } catch (error) {
        failure = error
        // First deliver the complete blocks and comments that precede the failure.
        if (!batch.blocks.length && !batch.comments) throw error
      }
      return batch
    },
    readText: body.readText,
    cancel: body.cancel,
  }
}
