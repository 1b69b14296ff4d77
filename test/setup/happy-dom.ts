/** happy-dom with Node's fetch, streams and signals; happy-dom's versions leave connections open and lose errors. */
import type { Environment } from 'vitest/runtime'
import { builtinEnvironments } from 'vitest/runtime'

const fromNode = [
  'fetch',
  'Request',
  'Response',
  'Headers',
  'FormData',
  'Blob',
  'File',
  'AbortController',
  'AbortSignal',
  'DOMException',
  'URL',
  'URLSearchParams',
  'ReadableStream',
  'WritableStream',
  'TransformStream',
  'ByteLengthQueuingStrategy',
  'CountQueuingStrategy',
  'CompressionStream',
  'DecompressionStream',
  'TextDecoder',
  'TextEncoder',
  'TextDecoderStream',
  'TextEncoderStream',
  'performance',
  'queueMicrotask',
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'structuredClone',
] as const

const environment: Environment = {
  name: 'happy-dom-over-node',
  viteEnvironment: 'client',
  async setup(global, options) {
    const descriptors = fromNode.map((name) => [name, Object.getOwnPropertyDescriptor(global, name)] as const)
    await builtinEnvironments['happy-dom'].setup(global, options)
    for (const [name, descriptor] of descriptors) {
      if (descriptor) Object.defineProperty(global, name, { ...descriptor, configurable: true })
    }
    // Keep the window until the worker ends, which is when its test file ends. A connection that is still closing may
    // need the document, because @microsoft/fetch-event-source accesses it whenever a connection ends.
    return { teardown() {} }
  },
}

export default environment
