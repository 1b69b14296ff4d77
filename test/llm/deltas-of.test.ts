/** Every vendor's streams on the server: `deltasOf` forwards what makes the same message on the client. */
import { expect, test } from 'vitest'
import { deltasOf } from '../../server/run/deltas-of.ts'
import type { Delta, Message } from '../../src/message/message.ts'
import { createReducer } from '../../src/message/reduce.ts'
import { langgraph } from '../../src/protocols/langgraph.ts'
import { openaiResponses } from '../../src/protocols/openai-responses.ts'
import type { Protocol } from '../../src/protocols/protocol.ts'
import { type Outcome, samples, vendors } from './read-corpus.ts'

/** Reads a stream with `deltasOf`, and returns the message that its deltas make, as JSON. */
async function forward(bytes: Uint8Array<ArrayBuffer>, protocol: Protocol<Delta, unknown, Message>): Promise<unknown> {
  const reduce = createReducer()
  let message: Message | undefined
  for await (const delta of deltasOf(new Response(bytes), protocol)) message = reduce(message, delta as Delta)
  return JSON.parse(JSON.stringify(message?.blocks ?? []))
}

test.each(samples)('$vendor/$name', async ({ vendor, bytes, expected }) => {
  const { error, message } = expected as Outcome
  const forwarded = forward(bytes, vendors[vendor]!())
  if (error) await expect(forwarded).rejects.toMatchObject({ name: 'RunError' })
  else expect(await forwarded).toEqual(message!.blocks)
})

test.each([
  ['openai-responses', '"status":"in_progress"', '"status":"in_progress","background":true', openaiResponses()],
  ['langgraph', '', '', langgraph({ resumable: true })],
] as const)('%s: a run that a client could resume is forwarded as well', async (vendor, from, to, protocol) => {
  const { bytes, expected } = samples.find((sample) => sample.vendor === vendor && sample.name === 'text')!
  const changed = new TextEncoder().encode(new TextDecoder().decode(bytes).replace(from, to))
  expect(await forward(changed, protocol)).toEqual((expected as Outcome).message!.blocks)
})
