/**
 * The test projects: two for Node, one for each other runtime, one for end-to-end tests, and one for the packed
 * package. CONTRIBUTING.md lists which file runs where.
 */
import { createReadStream } from 'node:fs'
import { playwright } from '@vitest/browser-playwright'
import { compile } from 'svelte/compiler'
import type { Plugin } from 'vitest/config'
import { defineConfig } from 'vitest/config'
import { browserArgs, findBrowser } from './scripts/browser.mjs'
import { findFirefox, findWebKit } from './scripts/engines.mjs'
import { findRedis } from './scripts/redis.mjs'
import { startFirefox } from './test/setup/engines/firefox.ts'
import { type Engine, engineProvider } from './test/setup/engines/provider.ts'
import { startWebKit } from './test/setup/engines/webkit.ts'

/** Tests that run in every runtime. */
const everywhere = ['test/sse/**/*.test.ts', 'test/contract/**/*.test.ts']
/** Tests that start a Redis server. */
const redis = [
  'test/server/**/redis-*.node.test.ts',
  'test/server/two-processes.node.test.ts',
  'test/examples/redis.node.test.ts',
  'test/interop/resumable-stream.node.test.ts',
]
/** Tests that take more than a few seconds in Node: the contract, campaigns, documents, other servers and clients. */
const slow = [
  'test/{chaos,contract,docs,examples,fuzz,interop,llm,soak}/**/*.test.ts',
  'test/multiplex/isolation.test.ts',
  'test/source/thundering-herd.test.ts',
  'test/share/*.property.test.ts',
  'test/server/storm/*.test.ts',
  'test/server/burst.node.test.ts',
  ...redis,
]
/**
 * Tests of one runtime, by file name. Property tests are slow and independent of the runtime: running them in Node is
 * enough.
 */
const onlyNode = ['**/*.node.test.ts', '**/*.property.test.ts']
const onlyHappyDom = ['**/*.dom.test.ts']
const onlyBrowser = ['**/*.browser.test.ts']

const mockServer = ['test/setup/mock-server.ts']
const executablePath = findBrowser()
const firefox = findFirefox()
const webkit = findWebKit()
const withoutRedis = findRedis() ? [] : redis

/** MSW's worker must be served from the page's own origin. */
const mswWorker: Plugin = {
  name: 'rivulet:msw-worker',
  configureServer(server) {
    server.middlewares.use('/mockServiceWorker.js', (_request, response, next) => {
      response.setHeader('content-type', 'text/javascript')
      createReadStream(new URL('node_modules/msw/lib/mockServiceWorker.js', import.meta.url))
        .on('error', next)
        .pipe(response)
    })
  },
}

/** Compiles the Svelte components of the tests. */
const svelteComponents: Plugin = {
  name: 'rivulet:svelte-components',
  transform(code, id, options) {
    if (!id.endsWith('.svelte')) return null
    const { js } = compile(code, { filename: id, generate: options?.ssr ? 'server' : 'client' })
    return { code: js.code, map: js.map }
  },
}

/** What the projects of all browsers share. */
const inBrowser = {
  extends: true as const,
  plugins: [mswWorker, svelteComponents],
  // Without them, Vue warns.
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
  },
  optimizeDeps: {
    include: [
      'msw',
      'msw/browser',
      '@microsoft/fetch-event-source',
      'react',
      'react-dom/client',
      'svelte',
      'svelte/reactivity',
      'svelte/store',
      'svelte/internal/client',
      'svelte/internal/disclose-version',
      'vue',
    ],
  },
}
const inBrowserTest = {
  globalSetup: mockServer,
  include: [...everywhere, 'test/**/*.browser.test.ts'],
  exclude: [...onlyNode, ...onlyHappyDom, 'test/e2e/**', 'test/package/**'],
}

/**
 * The tests of engines other than Chromium in `npm test`: those of what differs between engines. `npm run test:long` runs
 * all tests of browsers in each engine.
 */
const engineTests = process.env['RIVULET_LONG']
  ? inBrowserTest.include
  : [
      'test/contract/{feed,resume,run}.test.ts',
      'test/contract/faults/{connection,credentials}.test.ts',
      'test/**/*.browser.test.ts',
    ]

/** A project of an engine that Playwright does not drive. */
const engine = (name: 'firefox' | 'webkit', groupOrder: number, start: () => Promise<Engine>) => ({
  ...inBrowser,
  test: {
    ...inBrowserTest,
    name,
    include: engineTests,
    sequence: { groupOrder },
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      fileParallelism: false,
      provider: engineProvider(name, start),
      instances: [{ browser: name }],
    },
  },
})

export default defineConfig({
  test: {
    // Long enough that only a hanging test times out: on a busy machine, a test over real sockets may take many times
    // longer than usual.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    unstubGlobals: true,
    projects: [
      {
        extends: true,
        plugins: [svelteComponents],
        test: {
          name: 'unit',
          globalSetup: mockServer,
          environment: 'node',
          include: ['test/**/*.test.ts'],
          exclude: [...slow, ...onlyHappyDom, ...onlyBrowser, 'test/e2e/**', 'test/package/**'],
        },
      },
      {
        extends: true,
        test: {
          name: 'node',
          globalSetup: mockServer,
          environment: 'node',
          include: slow,
          exclude: [...onlyHappyDom, ...onlyBrowser, ...withoutRedis],
        },
      },
      {
        extends: true,
        test: {
          name: 'happy-dom',
          globalSetup: mockServer,
          environment: './test/setup/happy-dom.ts',
          include: [...everywhere, 'test/**/*.dom.test.ts'],
          exclude: [...onlyNode, ...onlyBrowser, 'test/e2e/**', 'test/package/**'],
        },
      },
      {
        ...inBrowser,
        test: {
          ...inBrowserTest,
          name: 'browser',
          sequence: { groupOrder: 1 },
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: { args: browserArgs, ...(executablePath ? { executablePath } : {}) },
            }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          globalSetup: mockServer,
          environment: 'node',
          // Runs alone and file by file, because pages that share few cores with other tests would time out.
          sequence: { groupOrder: 3 },
          fileParallelism: false,
          include: ['test/e2e/**/*.test.ts'],
          provide: { chromium: { args: browserArgs, executablePath: executablePath ?? '' } },
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          environment: 'node',
          sequence: { groupOrder: 2 },
          fileParallelism: false,
          include: ['test/package/**/*.test.ts'],
          globalSetup: ['test/setup/consumer-project.ts'],
          provide: { chromium: { args: browserArgs, executablePath: executablePath ?? '' } },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      ...(firefox ? [engine('firefox', 4, () => startFirefox(firefox))] : []),
      ...(webkit ? [engine('webkit', 5, () => startWebKit(webkit))] : []),
    ],
  },
})
