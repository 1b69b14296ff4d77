/** `using` needs `Symbol.dispose` in the types, which no default `lib` has: the package's own declarations refer to it. */
import { createClient } from 'rivulet'

export function once(): void {
  using client = createClient()
  void client
}
