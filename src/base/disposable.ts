/** `using` for the things users hold, where the platform has it. */

/** Gives `target` a `Symbol.dispose` method. */
export function makeDisposable<Target extends object>(target: Target, dispose: () => void): Target & Disposable {
  // Runtimes before 2025 have no such symbol: `undefined` would become a key.
  if (Symbol.dispose) Object.assign(target, { [Symbol.dispose]: dispose })
  return target as Target & Disposable
}
