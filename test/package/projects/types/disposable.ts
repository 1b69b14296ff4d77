/** `using` needs the type of `Symbol.dispose`. No default `lib` has it, so the package's declarations reference it. */
import { createClient } from 'rivulet'

export function once(): void {
  using client = createClient()
  void client
}
