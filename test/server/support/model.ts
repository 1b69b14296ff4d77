/** A model whose answers the test writes, delta by delta. */
import type { Delta, End } from '../../../server/run/delta.ts'
import type { GenerateContext } from '../../../server/run/options.ts'
import type { Identity } from '../../../server/http/identity.ts'

type Step = { readonly delta: Delta } | { readonly end: End | void } | { readonly error: unknown }

/** One call of `generate`. */
export interface ModelRun<Body> {
  readonly context: GenerateContext<Body, Identity>
  /** Whether the generator was closed before it ended. */
  readonly isClosed: boolean
  say(...deltas: Delta[]): void
  end(end?: End): void
  fail(error: unknown): void
}

export interface Model<Body> {
  readonly runs: ModelRun<Body>[]
  generate(context: GenerateContext<Body, Identity>): AsyncGenerator<Delta, End | void>
}

/** Creates a model. */
export function createModel<Body = { prompt: string }>(): Model<Body> {
  const runs: ModelRun<Body>[] = []
  return {
    runs,
    async *generate(context) {
      const steps: Step[] = []
      let wake = (): void => undefined
      let isClosed = false
      const add = (step: Step): void => {
        steps.push(step)
        wake()
      }
      runs.push({
        context,
        get isClosed() {
          return isClosed
        },
        say: (...deltas) => deltas.forEach((delta) => add({ delta })),
        end: (end) => add({ end }),
        fail: (error) => add({ error }),
      })
      try {
        for (;;) {
          const step = steps.shift()
          if (!step) await new Promise<void>((resolve) => (wake = resolve))
          else if ('delta' in step) yield step.delta
          else if ('end' in step) return step.end
          else throw step.error
        }
      } finally {
        isClosed = true
      }
    },
  }
}
