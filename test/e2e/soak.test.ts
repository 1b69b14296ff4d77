/** A short soak in Chromium; `npm run soak` runs a long one, which also measures memory. */
import { fileURLToPath } from 'node:url'
import { expect, inject, test } from 'vitest'
import { buildPrograms } from '../soak/build.mjs'
import { soakChromium } from '../soak/soak-chromium.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const plan = { events: 50_000, reconnects: 100 }

test(
  '[P2.3] [F1] 50,000 events over 100 reset connections arrive once each in Chromium, and leave no listener, timer or request',
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
    expect(leftovers).toEqual({ listeners: 0, timers: 0, 'pending requests': 0, 'server clients': 0 })
    // However many connections there were: one listener for the signal, three for reconnect hints, two for leaving the
    // page, and three more while a write is pending.
    for (const { listeners } of samples) expect([6, 9]).toContain(listeners)
  },
)
