/** Routes of the dialects, which are loaded with the first request that needs one: most mocks never do. */
import type { DialectEndpoint } from '../dialect/dialect.ts'
import type { DialectName } from '../dialect/names.ts'
import { dialectPaths } from '../dialect/names.ts'
import type { Handler } from '../http/exchange.ts'
import type { Route } from '../http/route.ts'
import type { RuleSet } from '../scenario/rule-set.ts'

const load = () => import('../dialect/serve.ts')

/** Creates the route of a dialect's endpoint and of all paths below it. */
export function createDialectRoute(name: DialectName, endpoint: DialectEndpoint, ruleSet: RuleSet): Route {
  const handle: Handler = async (exchange) => (await load()).serveDialect(name, exchange, endpoint)
  return {
    responseKind: 'stream',
    kind: 'run',
    permission: 'run',
    ruleSet,
    methods: { GET: handle, POST: handle, DELETE: handle },
    writeError: async (response, message) => (await load()).withVendorError(name, response, message),
  }
}

/** Returns the path of the list of models that belongs to an endpoint at a vendor's own path. */
export function modelsPath(name: DialectName, path: string): string | undefined {
  const [, suffix] = /^\/v1(\/.*)$/.exec(dialectPaths[name]) ?? []
  return suffix !== undefined && path.endsWith(suffix) ? `${path.slice(0, -suffix.length)}/models` : undefined
}

/** The route of the list of models. */
export const modelsRoute: Route = {
  responseKind: 'other',
  permission: 'run',
  methods: { GET: async (exchange) => (await import('../dialect/models.ts')).listModels(exchange) },
  writeError: async (response, message) => (await load()).withVendorError('openai-chat', response, message),
}
