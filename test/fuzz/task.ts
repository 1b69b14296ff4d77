/** A fuzz task: a property with a name that can be passed to `--only`. */
import * as fc from 'fast-check'

/** Parameters of a run; `path` selects one case of a seed. */
export type CheckParameters = Pick<
  fc.Parameters<unknown>,
  'seed' | 'path' | 'numRuns' | 'interruptAfterTimeLimit' | 'timeout'
>

export interface FuzzTask {
  name: string
  /** Number of cases per round; lower for slow properties. */
  runs: number
  check(parameters: CheckParameters): Promise<fc.RunDetails<unknown>>
}

/** Creates a task from a property. */
export function createTask<Values>(name: string, runs: number, property: fc.IRawProperty<Values>): FuzzTask {
  return {
    name,
    runs,
    check: async (parameters) => (await fc.check(property, parameters)) as fc.RunDetails<unknown>,
  }
}
