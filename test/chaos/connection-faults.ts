/** What happens to one TCP connection on its way through the proxy. */
import type { Dice } from './prng.ts'
import type { Place } from './framing.ts'

/** With a reset, or with an end in the middle. */
export type Cut = 'reset' | 'fin'

/** How the answer's bytes are torn apart: singly, at random, inside each character, or inside the heads of chunks. */
export type Tearing = 'bytes' | 'random' | 'character' | 'chunk-head'

export interface Link {
  /** `reset`, `close`: at once; `silence`: accepted, and nobody there. */
  readonly open: 'forward' | 'reset' | 'close' | 'silence'
  /** Milliseconds by which each piece of the answer is late. */
  readonly delay: number
  readonly tear?: Tearing
  /** The request is cut after so many bytes. */
  readonly request?: { readonly cut: Cut; readonly after: number }
  /** The answer is cut, or stalls, at the first such place after so many bytes. */
  readonly answer?: { readonly how: Cut | 'stall'; readonly place: Place | 'anywhere'; readonly after: number }
  /** Milliseconds for which nobody listens, after the cut. */
  readonly down?: number
}

const clean: Link = { open: 'forward', delay: 0 }

/** A connection that brings nothing. */
export function barrenLink(dice: Dice): Link {
  return { ...clean, open: dice.pick(['reset', 'close'] as const) }
}

/** Most connections bring something before they break; so many that break in a row without it would be an outage. */
export function drawLink(dice: Dice, kind: 'run' | 'feed'): Link {
  const fault = dice.weighted({ clean: 1, refuse: 2, silence: 0.3, request: 1, answer: 9, stall: 0.6 })
  const manner = {
    delay: dice.chance(0.2) ? dice.whole(1, 12) : 0,
    ...(dice.chance(0.4) && { tear: dice.pick(['bytes', 'random', 'character', 'chunk-head'] as const) }),
  }
  const cut = dice.pick(['reset', 'fin'] as const)
  const down = dice.chance(0.1) ? { down: dice.whole(1, 25) } : {}
  const link: Link = { ...clean, ...manner }
  switch (fault) {
    case 'clean':
      return link
    case 'refuse':
      return { ...barrenLink(dice), ...down }
    case 'silence':
      return { ...link, open: 'silence' }
    case 'request':
      return { ...link, request: { cut, after: dice.whole(0, 500) }, ...down }
    default: {
      const place = dice.weighted({ anywhere: 4, head: 1, 'chunk-head': 2, character: 3, data: 1 })
      const after = place === 'head' ? dice.whole(0, 300) : dice.magnitude(0, kind === 'run' ? 40_000 : 60_000)
      return {
        ...link,
        answer: { how: fault === 'stall' ? 'stall' : cut, place, after },
        ...(fault === 'answer' && down),
      }
    }
  }
}
