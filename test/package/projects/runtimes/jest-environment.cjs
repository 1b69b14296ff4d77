/** jsdom for Jest, with what it lacks of the platform: applications that use `fetch` add the same. */
const { TestEnvironment } = require(process.env.SMOKE_JSDOM)

const fromNode = [
  'fetch',
  'Headers',
  'Request',
  'Response',
  'AbortController',
  'AbortSignal',
  'ReadableStream',
  'TransformStream',
  'WritableStream',
  'TextDecoder',
  'TextEncoder',
  'structuredClone',
]

module.exports = class extends TestEnvironment {
  async setup() {
    await super.setup()
    for (const name of fromNode) this.global[name] = globalThis[name]
  }
}
