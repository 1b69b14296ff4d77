/** `using` needs the type of `Symbol.dispose`. No default `lib` has it, so the package references a `lib` that does. */
import { createClient } from 'rivulet'

export function once(): void {
  using client = createClient()
  void client
}
