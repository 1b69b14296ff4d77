/** Explicit resource management: `using` for clients and feeds. */

/** Adds a `Symbol.dispose` method to `target`, on platforms that have the symbol, and returns `target`. */
export function makeDisposable<Target extends object>(target: Target, dispose: () => void): Target & Disposable {
  // Runtimes from before 2025 lack the symbol; without this check, the key would be "undefined".
  if (Symbol.dispose) Object.assign(target, { [Symbol.dispose]: dispose })
  return target as Target & Disposable
}
