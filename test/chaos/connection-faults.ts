/** The faults of one TCP connection through the proxy. */
import type { FrameRegion } from './framing.ts'
import type { Prng } from './prng.ts'

/** How a connection is cut: by RST or by FIN. */
export type Cut = 'reset' | 'fin'

/** Where the response is split: at every byte, at random, inside each character, or inside chunk headers. */
export type SplitMode = 'bytes' | 'random' | 'character' | 'chunk-head'

export interface ConnectionFaults {
  /** `reset` and `close` end the connection at once; `silence` accepts it and never responds. */
  readonly open: 'forward' | 'reset' | 'close' | 'silence'
  /** Milliseconds by which each chunk of the response is delayed. */
  readonly delayMs: number
  readonly split?: SplitMode
  /** Cuts the request after `afterBytes` bytes. */
  readonly request?: { readonly cut: Cut; readonly afterBytes: number }
  /** Cuts or stalls the response in the first `region` after `afterBytes` bytes. */
  readonly response?: {
    readonly action: Cut | 'stall'
    readonly region: FrameRegion | 'anywhere'
    readonly afterBytes: number
  }
  /** Milliseconds for which the port stays closed after the cut. */
  readonly downMs?: number
}

const NO_FAULTS: ConnectionFaults = { open: 'forward', delayMs: 0 }

/** Draws the faults of a connection that ends before it carries a byte. */
export function drawRefusedConnection(prng: Prng): ConnectionFaults {
  return { ...NO_FAULTS, open: prng.pick(['reset', 'close'] as const) }
}

/** Draws the faults of a connection that usually delivers something: too many empty connections in a row would be an outage. */
export function drawConnectionFaults(prng: Prng, kind: 'run' | 'feed'): ConnectionFaults {
  const fault = prng.pickWeighted({ clean: 1, refuse: 2, silence: 0.3, request: 1, response: 9, stall: 0.6 })
  const pacing: Partial<ConnectionFaults> = {
    delayMs: prng.chance(0.2) ? prng.integer(1, 12) : 0,
    ...(prng.chance(0.4) && { split: prng.pick(['bytes', 'random', 'character', 'chunk-head'] as const) }),
  }
  const cut = prng.pick(['reset', 'fin'] as const)
  const downtime: Partial<ConnectionFaults> = prng.chance(0.1) ? { downMs: prng.integer(1, 25) } : {}
  const faults: ConnectionFaults = { ...NO_FAULTS, ...pacing }
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
