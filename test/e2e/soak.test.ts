/** A short soak in Chromium, in every run of the tests: nothing lost, nothing twice, nothing left. The long one measures memory. */
import { fileURLToPath } from 'node:url'
import { expect, inject, test } from 'vitest'
import { buildPrograms } from '../soak/build.mjs'
import { soakChromium } from '../soak/soak-chromium.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const plan = { events: 50_000, reconnects: 100 }

test(
  '[P2.3] [F1] 50,000 events over 100 connections that are reset: each once, and no listener, timer or request left',
  { timeout: 120_000 },
  async () => {
    const { executablePath, args } = inject('chromium')
    const launch = { args, ...(executablePath && { executablePath }) }
    const { counts, leftovers, requests, samples } = await soakChromium(
      await buildPrograms('chromium'),
      root,
      plan,
      launch,
    )
    expect(counts).toMatchObject({ received: plan.events, lost: 0, repeated: 0 })
    expect(counts.reconnects).toBeGreaterThanOrEqual(plan.reconnects)
    expect(requests).toBe(counts.reconnects + 1)
    expect(leftovers).toEqual({ listeners: 0, timers: 0, 'requests under way': 0, 'clients of the server': 0 })
    // One for the signal, three that wake the feed, three while something is still to be written; however many connections.
    for (const { listeners } of samples) expect([4, 7]).toContain(listeners)
  },
)
