/** Import rules: imports, including type imports, point down. `npm run check:layers` checks them. */

/** Layers of `src` from top to bottom. A file imports from its own folder and from the folders after it. */
export const layers = ['store', 'client', 'request', 'source', 'connect', 'protocols', 'message', 'sse', 'base']
/** Folders that contain the parts of one entry; for example, only `src/share.ts` imports from `src/share/`. */
export const entryFolders = [
  'diagnostics',
  'event-source',
  'fetch-event-source',
  'inspector',
  'multiplex',
  'parser',
  'partial-json',
  'persist',
  'react',
  'share',
  'svelte',
  'vue',
]
/** Frameworks that have a binding, which is the only code that may import them. */
const frameworks = ['react', 'svelte', 'vue']
/** Layers of `mock-server`, from top to bottom. Folders on one line do not import each other. */
export const mockServerLayers = [
  ['cli'],
  ['msw', 'node'],
  ['mock'],
  ['service'],
  ['dialect'],
  ['auth', 'channel', 'feed', 'replay', 'run'],
  ['http'],
  ['stream'],
  ['scenario'],
  ['base'],
]
/** Layers of `server`, from top to bottom. Folders on one line do not import each other. */
export const serverLayers = [
  ['node', 'redis'],
  ['service'],
  ['channel', 'feed', 'run'],
  ['http'],
  ['stream'],
  ['log'],
  ['base'],
]
/** SDK code that the servers may import. */
const sharedWithServers = [
  'src/sse/',
  'src/base/errors\\.ts$',
  'src/protocols/',
  'src/message/',
  'src/base/merge-defined\\.ts$',
]

const anyOf = (names) => `(${names.join('|')})`

const sdkRules = [
  {
    name: 'sdk-stands-alone',
    comment: 'The SDK imports neither packages nor Node nor the mock server.',
    from: { path: '^src/', pathNot: `^src/${anyOf(frameworks)}/` },
    to: { pathNot: '^src/' },
  },
  {
    name: 'binding-imports-its-framework',
    comment: 'A binding imports its own framework and no other package.',
    from: { path: `^src/${anyOf(frameworks)}/` },
    to: { pathNot: ['^src/', '^node_modules/(@types/)?$1/', '^svelte/'] },
  },
  {
    name: 'sdk-folder-has-a-layer',
    comment: 'Each folder of src must be a layer or belong to an entry: add it to .dependency-cruiser.mjs.',
    from: { path: '^src/[^/]+/', pathNot: `^src/${anyOf([...layers, ...entryFolders])}/` },
    to: {},
  },
  ...layers.map((layer, index) => ({
    name: `${layer}-imports-down`,
    from: { path: `^src/${layer}/` },
    to: { path: '^src/', pathNot: `^src/${anyOf(layers.slice(index))}/` },
  })),
  {
    name: 'entry-folder-imports-down',
    from: { path: `^src/${anyOf(entryFolders)}/`, pathNot: '^src/inspector/' },
    to: { path: '^src/', pathNot: [`^src/${anyOf(layers)}/`, '^src/$1/'] },
  },
  {
    name: 'inspector-shows-diagnostics',
    from: { path: '^src/inspector/' },
    to: { path: '^src/', pathNot: [`^src/${anyOf(layers)}/`, '^src/(inspector|diagnostics)/'] },
  },
  {
    name: 'entry-folder-is-private',
    comment: 'Only the entry itself imports its parts.',
    from: { path: '^src/([^/]+)\\.ts$' },
    to: { path: `^src/${anyOf(entryFolders)}/`, pathNot: '^src/$1/' },
  },
]

/** The rules that keep the folders of `root` in their layers, of which each imports only from those below it. */
const layersOf = (root, layers) => [
  {
    name: `${root}-shares-little`,
    comment: 'The servers import only the encoder, the parser, the protocols and the errors of the SDK.',
    from: { path: `^${root}/` },
    to: { path: '^src/', pathNot: `^${anyOf(sharedWithServers)}` },
  },
  {
    name: `${root}-folder-has-a-layer`,
    comment: `Each folder of ${root} must be a layer: add it to .dependency-cruiser.mjs.`,
    from: { path: `^${root}/[^/]+/`, pathNot: `^${root}/${anyOf(layers.flat())}/` },
    to: {},
  },
  ...layers.map((folders, index) => ({
    name: `${root}-${folders.join('-')}-imports-down`,
    from: { path: `^${root}/${anyOf(folders)}/` },
    to: {
      path: `^${root}/`,
      pathNot: [`^${root}/${anyOf(layers.slice(index + 1).flat())}/`, `^${root}/$1/`],
    },
  })),
]

const serverRules = [
  ...layersOf('server', serverLayers),
  {
    name: 'server-knows-no-mock',
    comment: 'Scenarios and faults are built on the server, which does not know them.',
    from: { path: '^(server|src)/' },
    to: { path: '^mock-server/' },
  },
  {
    name: 'server-imports-no-node',
    comment: 'Only node/ imports Node: the rest of the server runs in any host of fetch handlers.',
    from: { path: '^server/', pathNot: '^server/node/' },
    to: { dependencyTypes: ['core'] },
  },
  {
    name: 'server-node-is-imported-by-its-entry',
    comment: 'Code that runs without Node must not import Node through another file.',
    from: { path: '^server/', pathNot: '^server/node(/|\\.ts$)' },
    to: { path: '^server/node/' },
  },
]

const mockServerRules = [
  ...layersOf('mock-server', mockServerLayers),
  {
    name: 'node-stays-at-the-edge',
    comment: 'Only node/ and cli/ import Node: the rest of the mock server also runs in pages and service workers.',
    from: { path: '^mock-server/', pathNot: '^mock-server/(node|cli)/' },
    to: { dependencyTypes: ['core'] },
  },
  {
    name: 'node-is-imported-at-the-edge',
    comment: 'Code that runs in pages must not import Node through another file.',
    from: { path: '^mock-server/', pathNot: '^mock-server/((node|cli)/|(index|cli)\\.ts$)' },
    to: { path: '^(mock-server/(node|cli)|server/node)/' },
  },
  { name: 'jose-is-for-auth', from: { pathNot: '^mock-server/auth/' }, to: { path: 'node_modules/jose/' } },
  { name: 'msw-is-for-msw', from: { pathNot: '^mock-server/msw/' }, to: { path: 'node_modules/msw/' } },
  {
    name: 'no-other-package',
    from: { pathNot: `^src/${anyOf(frameworks)}/` },
    to: { path: 'node_modules/', pathNot: 'node_modules/(jose|msw)/' },
  },
]

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-cycle', from: {}, to: { circular: true } },
    // Subpaths of Svelte have only conditions that the checker does not know.
    { name: 'no-unresolved-import', from: {}, to: { couldNotResolve: true, pathNot: '^svelte/' } },
    ...sdkRules,
    ...serverRules,
    ...mockServerRules,
  ].map((rule) => ({ severity: 'error', ...rule })),
  options: {
    // Checks type imports, too.
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
  },
}
