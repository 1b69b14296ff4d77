/** One thing that is fuzzed: a property with a name that a command can say. */
import * as fc from 'fast-check'

/** How one is run; `path` leads back to one case of a seed. */
export type CheckParameters = Pick<
  fc.Parameters<unknown>,
  'seed' | 'path' | 'numRuns' | 'interruptAfterTimeLimit' | 'timeout'
>

export interface FuzzTask {
  name: string
  /** Cases of one round: fewer where a case takes long. */
  runs: number
  check(parameters: CheckParameters): Promise<fc.RunDetails<unknown>>
}

/** Names a property. */
export function createTask<Values>(name: string, runs: number, property: fc.IRawProperty<Values>): FuzzTask {
  return {
    name,
    runs,
    check: async (parameters) => (await fc.check(property, parameters)) as fc.RunDetails<unknown>,
  }
}
