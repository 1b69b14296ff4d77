import { prices } from '../../../lib/streams.ts'

export const dynamic = 'force-dynamic'
export const GET = prices.handler
