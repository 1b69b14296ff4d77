/** Every vendor's streams, of our own making, with the client: whole, in pieces, and cut at every byte. */
import { describe, expect, test } from 'vitest'
import type { Block } from '../../src/message/message.ts'
import { type Outcome, readChunks, samples } from './read-corpus.ts'

/** Returns whether `partial` is `whole`, or a part of it from its start: blocks may be missing, and the last ones shorter. */
function isPartOf(partial: readonly Block[], whole: readonly Block[]): boolean {
  return partial.every((block, index) => {
    const other = whole[index]
    if (block.type !== other?.type) return false
    if (block.type === 'tool-call')
      return other.type === 'tool-call' && other.args.startsWith(block.args) && other.id === block.id
    return !('content' in block) || ('content' in other && other.content.startsWith(block.content))
  })
}

describe.each(samples)('$vendor/$name', ({ vendor, name, bytes, expected }) => {
  const whole = expected as Outcome

  test('the whole stream makes the expected message', async () => {
    expect(await readChunks(vendor, [bytes])).toEqual(expected)
  })

  test('the stream in single bytes makes the same message', async () => {
    const chunks = Array.from(bytes, (_, index) => bytes.slice(index, index + 1))
    expect(await readChunks(vendor, chunks)).toEqual(expected)
  })

  test('the stream cut at every byte makes the same message, or fails as truncated with the partial one', async () => {
    for (let length = 0; length < bytes.length; length++) {
      const outcome = await readChunks(vendor, [bytes.slice(0, length)])
      const { error, message } = outcome
      const at = `${length} bytes of ${name}`
      if (!error) {
        // Usage may come after the finish reason, and be cut off.
        const { usage: _, ...rest } = whole as Outcome & { usage?: unknown }
        expect(outcome, at).toMatchObject(rest)
      } else if (error.code !== 'truncated') {
        // The words of an error that is not JSON may be cut off.
        expect({ ...error, message: '' }, at).toEqual({ ...whole.error, message: '' })
        expect(whole.error!.message.startsWith(error.message), at).toBe(true)
      }
      // A part that begins again makes the message shorter.
      else if (!/again|reset/.test(name))
        expect(isPartOf(message?.blocks ?? [], whole.message?.blocks ?? []), at).toBe(true)
    }
  })
})

test('every vendor has streams', () => {
  expect(samples.length).toBeGreaterThan(100)
})
