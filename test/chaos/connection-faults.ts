/** What happens to one TCP connection on its way through the proxy. */
import type { Prng } from './prng.ts'
import type { FrameRegion } from './framing.ts'

/** With a reset, or with an end in the middle. */
export type Cut = 'reset' | 'fin'

/** How the answer's bytes are torn apart: singly, at random, inside each character, or inside the heads of chunks. */
export type SplitMode = 'bytes' | 'random' | 'character' | 'chunk-head'

export interface ConnectionFaults {
  /** `reset`, `close`: at once; `silence`: accepted, and nobody there. */
  readonly open: 'forward' | 'reset' | 'close' | 'silence'
  /** Milliseconds by which each piece of the answer is late. */
  readonly delayMs: number
  readonly split?: SplitMode
  /** The request is cut after so many bytes. */
  readonly request?: { readonly cut: Cut; readonly afterBytes: number }
  /** The answer is cut, or stalls, at the first such place after so many bytes. */
  readonly response?: {
    readonly action: Cut | 'stall'
    readonly region: FrameRegion | 'anywhere'
    readonly afterBytes: number
  }
  /** Milliseconds for which nobody listens, after the cut. */
  readonly downMs?: number
}

const clean: ConnectionFaults = { open: 'forward', delayMs: 0 }

/** A connection that brings nothing. */
export function drawRefusedConnection(prng: Prng): ConnectionFaults {
  return { ...clean, open: prng.pick(['reset', 'close'] as const) }
}

/** Most connections bring something before they break; so many that break in a row without it would be an outage. */
export function drawConnectionFaults(prng: Prng, kind: 'run' | 'feed'): ConnectionFaults {
  const fault = prng.pickWeighted({ clean: 1, refuse: 2, silence: 0.3, request: 1, response: 9, stall: 0.6 })
  const pacing: Partial<ConnectionFaults> = {
    delayMs: prng.chance(0.2) ? prng.integer(1, 12) : 0,
    ...(prng.chance(0.4) && { split: prng.pick(['bytes', 'random', 'character', 'chunk-head'] as const) }),
  }
  const cut = prng.pick(['reset', 'fin'] as const)
  const downtime: Partial<ConnectionFaults> = prng.chance(0.1) ? { downMs: prng.integer(1, 25) } : {}
  const faults: ConnectionFaults = { ...clean, ...pacing }
  switch (fault) {
    case 'clean':
      return faults
    case 'refuse':
      return { ...drawRefusedConnection(prng), ...downtime }
    case 'silence':
      return { ...faults, open: 'silence' }
    case 'request':
      return { ...faults, request: { cut, afterBytes: prng.integer(0, 500) }, ...downtime }
    default: {
      const region = prng.pickWeighted({ anywhere: 4, head: 1, 'chunk-head': 2, character: 3, data: 1 })
      const afterBytes =
        region === 'head' ? prng.integer(0, 300) : prng.logUniformInteger(0, kind === 'run' ? 40_000 : 60_000)
      return {
        ...faults,
        response: { action: fault === 'stall' ? 'stall' : cut, region, afterBytes },
        ...(fault === 'response' && downtime),
      }
    }
  }
}
