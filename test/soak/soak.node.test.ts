/** A short soak in Node; `npm run soak` starts the long run, which also measures memory. */
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { buildPrograms } from './build.mjs'
import { SAMPLE_COUNT } from './plan.ts'
import { soakNode } from './soak-node.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const plan = { events: 50_000, reconnects: 100 }

test(
  '[P2.3] [F1] 50,000 events over 100 reset connections arrive once each in Node, and leave no listener, timer or socket',
  { timeout: 120_000 },
  async () => {
    const { counts, leftovers, requests, samples } = await soakNode(await buildPrograms('node'), root, plan)
    expect(counts).toMatchObject({ received: plan.events, lost: 0, repeated: 0 })
    expect(counts.reconnects).toBeGreaterThanOrEqual(plan.reconnects)
    expect(requests).toBe(counts.reconnects + 1)
    expect(leftovers).toEqual({ listeners: 0, 'server clients': 0, 'exit code': 0 })
    expect(samples.map(({ listeners }) => listeners)).toEqual(Array.from({ length: SAMPLE_COUNT }, () => 1))
  },
)
