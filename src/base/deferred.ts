/** A promise that is settled from outside, on platforms without `Promise.withResolvers`. */

export interface Deferred<Value> {
  readonly promise: Promise<Value>
  resolve(value: Value): void
  reject(reason: unknown): void
}

export function createDeferred<Value>(): Deferred<Value> {
  let resolve!: (value: Value) => void
  let reject!: (reason: unknown) => void
  const promise = new Promise<Value>((...settlers) => ([resolve, reject] = settlers))
  return { promise, resolve, reject }
}
