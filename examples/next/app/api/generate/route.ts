import { answers } from '../../../lib/streams.ts'

export const dynamic = 'force-dynamic'
export const GET = answers.handler
export const POST = answers.handler
export const DELETE = answers.handler
