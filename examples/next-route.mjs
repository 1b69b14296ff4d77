/** A route handler of Next, as in `app/api/generate/route.js`; hosts such as Bun and Deno take the same function. */
import { answers } from './streams.mjs'

export const dynamic = 'force-dynamic'
export const GET = answers.handler
export const POST = answers.handler
export const DELETE = answers.handler
