/** Listeners for the abort of a signal. */
import { getEventListeners } from 'node:events'
import { expect, test, vi } from 'vitest'
import { onAbort, throwIfAborted } from '../../src/base/abort-listeners.ts'
import { trapUnhandled } from '../support/unhandled.ts'

const unhandled = trapUnhandled()

const listenerCount = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

test('listeners are called in the order in which they were added, and once', () => {
  const controller = new AbortController()
  const calls: number[] = []
  for (let n = 0; n < 5; n++) onAbort(controller.signal, () => calls.push(n))
  controller.abort()
  controller.signal.dispatchEvent(new Event('abort'))
  expect(calls).toEqual([0, 1, 2, 3, 4])
})

test('a signal has one platform listener, however many listeners were added: Node warns about more than ten', () => {
  const { signal } = new AbortController()
  const removers = Array.from({ length: 100 }, () => onAbort(signal, () => {}))
  expect(listenerCount(signal)).toBe(1)
  for (const remove of removers.slice(1)) remove()
  expect(listenerCount(signal)).toBe(1)
  removers[0]!()
  expect(listenerCount(signal)).toBe(0)
})

test('a listener can be added after all listeners have been removed', () => {
  const controller = new AbortController()
  onAbort(controller.signal, () => {})()
  const listener = vi.fn()
  onAbort(controller.signal, listener)
  controller.abort()
  expect(listener).toHaveBeenCalledOnce()
})

test('a removed listener is not called, and the function that removes it is idempotent', () => {
  const controller = new AbortController()
  const [removed, kept] = [vi.fn(), vi.fn()]
  const remove = onAbort(controller.signal, removed)
  onAbort(controller.signal, kept)
  remove()
  remove()
  controller.abort()
  remove()
  expect(removed).not.toHaveBeenCalled()
  expect(kept).toHaveBeenCalledOnce()
})

test('the same function is added once, as by addEventListener', () => {
  const controller = new AbortController()
  const listener = vi.fn()
  onAbort(controller.signal, listener)
  onAbort(controller.signal, listener)
  controller.abort()
  expect(listener).toHaveBeenCalledOnce()
})

test('a listener that another listener removes during the abort is not called', () => {
  const controller = new AbortController()
  const late = vi.fn()
  onAbort(controller.signal, () => removeLate())
  const removeLate = onAbort(controller.signal, late)
  controller.abort()
  expect(late).not.toHaveBeenCalled()
})

test('after the abort, a listener is neither called nor kept', () => {
  const controller = new AbortController()
  const late = vi.fn()
  onAbort(controller.signal, () => onAbort(controller.signal, late))
  controller.abort()
  onAbort(controller.signal, late)()
  expect(late).not.toHaveBeenCalled()
  expect(listenerCount(controller.signal)).toBe(0)
})

test('an exception in a listener is reported, and the other listeners are called', () => {
  const controller = new AbortController()
  const error = new Error('from the listener')
  const other = vi.fn()
  onAbort(controller.signal, () => {
    throw error
  })
  onAbort(controller.signal, other)
  controller.abort()
  expect(other).toHaveBeenCalledOnce()
  expect(unhandled.reported.splice(0)).toEqual([error])
})

test('the listeners of one signal do not affect those of another', () => {
  const [one, other] = [new AbortController(), new AbortController()]
  const [listener, otherListener] = [vi.fn(), vi.fn()]
  onAbort(one.signal, listener)
  onAbort(other.signal, otherListener)
  one.abort()
  expect(listener).toHaveBeenCalledOnce()
  expect(otherListener).not.toHaveBeenCalled()
  expect(listenerCount(other.signal)).toBe(1)
})

test('throwIfAborted throws the reason of a signal that has no method of this name, as in React Native', () => {
  const controller = new AbortController()
  vi.spyOn(AbortSignal.prototype, 'throwIfAborted').mockImplementation(() => {
    throw new TypeError('signal.throwIfAborted is not a function')
  })
  expect(() => throwIfAborted(controller.signal)).not.toThrow()
  controller.abort(new Error('stopped'))
  expect(() => throwIfAborted(controller.signal)).toThrow('stopped')
})
