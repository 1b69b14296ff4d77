/** Opens runs: for a client, and as the functions `stream` and `resume`. */
import type { Cursor } from '../base/errors.ts'
import { nativeText } from '../protocols/native-text.ts'
import type { Protocol } from '../protocols/protocol.ts'
import type { ClientOptions } from '../request/options.ts'
import { type KindDefaults, resolveOptions } from '../request/resolve-options.ts'
import type { RunOptions } from '../request/stream-options.ts'
import { createRun, runDefaults } from './create-run.ts'
import type { Run } from './run.ts'
import type { ResumeRun, SharedOptions, StreamRun } from './signatures.ts'

/**
 * Opens a run at `cursor`, like `openRun`.
 * @throws TypeError if there is no cursor, or for the reasons of `openRun`
 */
export function openResumed(
  cursor: Cursor,
  shared: ClientOptions,
  own?: RunOptions<unknown>,
  onClosed?: () => void,
): Run<unknown> {
  // A cursor is JSON that was stored: nothing checks its type.
  if (!(cursor as Cursor | undefined)?.url) throw new TypeError('resume: expected a cursor, an object with a url')
  return openRun(cursor.url, shared, own, cursor, onClosed)
}

/**
 * Opens a run, at `cursor` if there is one. `onClosed` is called once it has ended and everything was delivered.
 * @throws TypeError if the URL cannot be requested, the body cannot be sent, or an option is invalid
 */
export function openRun(
  url: string | URL,
  shared: ClientOptions,
  own: RunOptions<unknown> = {},
  cursor?: Cursor,
  onClosed?: () => void,
): Run<unknown> {
  const protocol: Protocol<unknown, unknown> = own.protocol ?? nativeText()
  const defaults = { ...runDefaults, ...protocol.timeouts } as KindDefaults
  return createRun(url, resolveOptions(defaults, shared, { ...own, protocol }), cursor, onClosed)
}

/**
 * Starts a run, like `createClient(options).stream(url, options)`, but an application that uses only this function does
 * not load the code for feeds.
 *
 * @throws TypeError if the URL cannot be requested, the body cannot be sent, or an option is invalid
 * @example
 * ```ts
 * import { stream } from 'rivulet'
 * const run = stream('https://api.example.com/generate', { json: { prompt: 'Hello' } })
 * for await (const { content } of run) console.log(content)
 * ```
 */
export const stream: StreamRun<SharedOptions> = (url: string | URL, options?: RunOptions<unknown> & SharedOptions) =>
  openRun(url, {}, options) as never

/**
 * Resumes a run from `cursor`, like `createClient(options).resume(cursor, options)`.
 *
 * @throws TypeError if there is no cursor, its URL cannot be requested, its protocol is a different one, or an option is invalid
 * @example
 * ```ts
 * import { type Cursor, resume } from 'rivulet'
 * const cursor: Cursor | null = JSON.parse(localStorage.getItem('run') ?? 'null')
 * if (cursor) console.log(await resume(cursor, { baseUrl: 'https://api.example.com' }).final())
 * ```
 */
export const resume: ResumeRun<SharedOptions> = (cursor: Cursor, options?: RunOptions<unknown> & SharedOptions) =>
  openResumed(cursor, {}, options) as never
