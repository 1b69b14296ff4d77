/** Random UUIDs, also where `crypto` is missing. */
import { expect, test, vi } from 'vitest'
import { createUuid } from '../../src/base/uuid.ts'

const version4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test.each([
  ['the crypto of the platform', globalThis.crypto],
  ['no crypto, as in React Native', undefined],
  ['a crypto without random values', {}],
])('with %s, a UUID has version 4 and is random', (_platform, crypto) => {
  vi.stubGlobal('crypto', crypto)
  const uuids = Array.from({ length: 1_000 }, createUuid)
  for (const uuid of uuids) expect(uuid).toMatch(version4)
  expect(new Set(uuids).size).toBe(1_000)
})
