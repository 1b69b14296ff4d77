/** An answer whose reader loses its connection again and again. */
import type { Client, RunResult } from '../../../src/index.ts'
import { waitUntil } from '../../mock-server/support/local-test-server.ts'
import type { End } from '../../../server/run/delta.ts'
import type { Model } from './model.ts'

interface Opened {
  readonly client: Client
  readonly model: Model<{ prompt: string }>
  /** Cuts all connections. */
  cut(): void
}

/** Starts a run, lets the model answer, and cuts the connection after each delta. Resolves with the result of the run. */
export async function answerWithCuts({ client, cut, model }: Opened, end?: End): Promise<RunResult> {
  const run = client.stream('answers', { json: { prompt: 'Hi' } })
  const final = run.final()
  await waitUntil(() => model.runs.length === 1)
  for (const text of ['Hello', ', ', 'resumable', ' ', 'world']) {
    model.runs[0]!.say(text)
    await waitUntil(() => run.text.endsWith(text))
    cut()
  }
  model.runs[0]!.say('!', '!')
  model.runs[0]!.end(end)
  return final
}
