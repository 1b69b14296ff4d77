/** Finds the position in a feed from which a request continues (PROTOCOL.md 2.3). */
import type { Position } from '../http/hooks.ts'
import type { EventLog, Page } from '../log/event-log.ts'
import { parseId } from '../stream/wire-id.ts'

/** Returns the newest position. */
export const headOf = ({ head, nonce }: Page): Position => ({ position: head, nonce })

/** Finds the position after the event with this ID, which must be kept itself: its nonce tells whether it is the same. */
export async function locate(log: EventLog, stream: string, page: Page, id: string): Promise<Position> {
  const requested = parseId(id)
  if (requested?.prefix !== page.epoch || requested.position > page.head) return { ...headOf(page), reset: 'unknown' }
  const { position, nonce } = requested
  if (position === 0) return page.first === 1 ? { position, nonce } : { ...headOf(page), reset: 'expired' }
  if (position < page.first) return { ...headOf(page), reset: 'expired' }
  const { previousNonce } = (await log.read(stream, position, { bytes: 1 })) ?? page
  if (previousNonce === '') return { ...headOf(page), reset: 'expired' }
  return previousNonce === nonce ? { position, nonce } : { ...headOf(page), reset: 'unknown' }
}
