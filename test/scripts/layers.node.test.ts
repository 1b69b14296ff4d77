/** The layer check itself: that each kind of violation is seen, and what is allowed is not. */
import { describe, expect, test } from 'vitest'
import { checkLayers } from '../../scripts/layers.mjs'

const check = (files: Record<string, string>): string[] => checkLayers(new Map(Object.entries(files)))

describe('what may be imported', () => {
  test.each([
    ['its own folder', 'src/source/runner.ts', './state.ts'],
    ['a lower floor', 'src/source/runner.ts', '../connect/connect.ts'],
    ['the lowest floor, from the face', 'src/client.ts', './base/errors.ts'],
    ['what the mock server shares', 'mock-server/feed.ts', '../src/wire/encode.ts'],
    ['Node, in a Node face', 'mock-server/node.ts', 'node:http'],
    ['jose, in the mock server', 'mock-server/identity.ts', 'jose'],
    ['msw, in its own entry', 'mock-server/msw.ts', 'msw'],
  ])('%s', (_what, from, to) => {
    expect(check({ [from]: `import { x } from '${to}'` })).toEqual([])
  })
})

describe('what is refused', () => {
  test.each([
    ['a higher floor', 'src/base/clock.ts', '../source/state.ts', 'floor 0 (src/base) imports floor 3 (src/source)'],
    ['another folder of the same floor', 'src/wire/parse.ts', '../protocols/native.ts', 'floor 1'],
    ['the public face, from below', 'src/connect/fetch.ts', '../client.ts', 'imports floor 4 (src)'],
    ['a folder without a floor', 'src/utils/x.ts', '../base/errors.ts', 'src/utils has no floor'],
    ['the mock server, from the SDK', 'src/client.ts', '../mock-server/feed.ts', 'does not know its mock server'],
    ['Node, from the SDK', 'src/base/clock.ts', 'node:timers', 'only the Node faces'],
    ['Node, from what runs everywhere', 'mock-server/respond.ts', 'node:buffer', 'only the Node faces'],
    ['a Node face, from what runs everywhere', 'mock-server/mock.ts', './node.ts', 'must not import a Node face'],
    ['a package, from the SDK', 'src/client.ts', 'jose', 'not among'],
    ['msw outside its entry', 'mock-server/mock.ts', 'msw', 'not among'],
    ['more of the SDK than is shared', 'mock-server/feed.ts', '../src/connect/fetch.ts', 'shares only'],
  ])('%s', (_what, from, to, reason) => {
    expect(check({ [from]: `import { x } from '${to}'` })).toEqual([expect.stringContaining(reason)])
  })

  test.each([
    ['import type', `import type { State } from '../source/state.ts'`],
    ['export from', `export { state } from '../source/state.ts'`],
    ['export star', `export * from '../source/state.ts'`],
    ['import for its effects', `import '../source/state.ts'`],
    ['dynamic import', `const state = await import('../source/state.ts')`],
    ['type of an import', `type State = import('../source/state.ts').State`],
  ])('in the form of: %s', (_form, text) => {
    expect(check({ 'src/base/clock.ts': text })).toHaveLength(1)
  })

  test('a dynamic import whose target cannot be read', () => {
    expect(check({ 'src/client.ts': 'await import(name)' })).toHaveLength(1)
  })
})

test('a cycle is named with all its files, also one of types alone', () => {
  expect(
    check({
      'src/a.ts': `import type { B } from './b.ts'`,
      'src/b.ts': `import type { C } from './c.ts'`,
      'src/c.ts': `import type { A } from './a.ts'`,
      'src/d.ts': `import type { A } from './a.ts'`,
    }),
  ).toEqual(['cycle: src/a.ts → src/b.ts → src/c.ts → src/a.ts'])
})
