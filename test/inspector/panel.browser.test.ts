/** Tests of the panel in a browser: its rows, its buttons, its removal, and its accessibility. */
import axe from 'axe-core'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { type InspectOptions, type Inspector, inspect } from '../../src/inspector.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { type TestClient, createTestClient } from '../support/test-client.ts'

/** The callbacks that wait for the next frame, which comes when the test says so. */
let frames: (FrameRequestCallback | undefined)[] = []
const nextFrame = (): void => {
  for (const callback of frames.splice(0)) callback?.(0)
}

beforeEach(() => {
  frames = []
  vi.spyOn(globalThis, 'requestAnimationFrame').mockImplementation((callback) => frames.push(callback))
  vi.spyOn(globalThis, 'cancelAnimationFrame').mockImplementation((handle) => void (frames[handle - 1] = undefined))
  document.title = 'Inspector'
  document.documentElement.lang = 'en'
})

interface Fixture extends TestClient {
  inspector: Inspector
  panel: HTMLElement
  shadow: ShadowRoot
  /** Returns the text of all elements that match. */
  textsOf(selector: string): (string | null)[]
}

function createFixture(options: InspectOptions = {}): Fixture {
  const inspector = inspect(options)
  const panel = inspector.mount()
  onTestFinished(() => panel.remove())
  const shadow = panel.shadowRoot!
  const textsOf = (selector: string): (string | null)[] =>
    [...shadow.querySelectorAll(selector)].map(({ textContent }) => textContent)
  return { ...createTestClient({ instrument: inspector.instrument }), inspector, panel, shadow, textsOf }
}
const findButton = (shadow: ShadowRoot, text: string): HTMLButtonElement =>
  [...shadow.querySelectorAll('button')].find(({ textContent }) => textContent?.includes(text))!

test('the panel shows a row for each stream, updated once per frame, with markup as text', async () => {
  const { client, open, textsOf, shadow } = createFixture({ payloads: true })
  client.subscribe('/prices', { label: '<img src=x>', parse: 'text' })
  const connection = await open()
  connection.send({ type: '<b>', data: '<script>1</script>', id: '<i>' })
  await flushMicrotasks()
  expect([frames.length, textsOf('.row')]).toEqual([1, []])
  nextFrame()
  expect(textsOf('.label')).toEqual(['<img src=x> (GET https://api.test/prices)'])
  expect(textsOf('.status')).toEqual(['open'])
  expect(shadow.querySelector('svg')!.getAttribute('aria-label')).toMatch(/: 1 event, 0 retries$/)
  findButton(shadow, '<img').click()
  expect(textsOf('.payloads li')).toEqual(['<b> <i> <script>1</script>'])
  expect(shadow.querySelectorAll('img, script, b, i')).toHaveLength(0)
  client.close()
  nextFrame()
  expect(textsOf('.status')).toEqual(['closed: close'])
})

test('buttons open the details of a row, hide the list, and clear the streams that have ended', async () => {
  const { client, open, textsOf, shadow } = createFixture()
  const feed = client.subscribe('/prices')
  client.subscribe('/other')
  await open()
  nextFrame()
  const row = findButton(shadow, '/prices')
  const details = shadow.getElementById(row.getAttribute('aria-controls')!)!
  expect([row.getAttribute('aria-expanded'), details.hidden]).toEqual(['false', true])
  row.click()
  expect([row.getAttribute('aria-expanded'), details.hidden]).toEqual(['true', false])
  expect(details.querySelectorAll('.entries li')).toHaveLength(1)
  const toggle = findButton(shadow, 'Hide')
  toggle.click()
  expect([toggle.textContent, toggle.getAttribute('aria-expanded')]).toEqual(['Show', 'false'])
  expect(shadow.querySelector<HTMLElement>('.body')!.checkVisibility()).toBe(false)
  feed.close()
  findButton(shadow, 'Clear').click()
  nextFrame()
  expect(textsOf('.count')).toEqual(['1 stream'])
  toggle.click()
  expect(textsOf('.label')).toEqual(['GET https://api.test/other'])
  client.close()
})

test('a hidden panel shows what has happened meanwhile once it is shown', async () => {
  const { client, open, textsOf, shadow } = createFixture()
  client.subscribe('/prices')
  await open()
  nextFrame()
  findButton(shadow, 'Hide').click()
  client.close()
  nextFrame()
  findButton(shadow, 'Show').click()
  expect(textsOf('.status')).toEqual(['closed: close'])
})

test('a panel that was removed is not updated, and continues after it is inserted again', async () => {
  const { client, open, panel, textsOf } = createFixture()
  client.subscribe('/prices')
  await open()
  nextFrame()
  panel.remove()
  client.close()
  nextFrame()
  expect(textsOf('.status')).toEqual(['open'])
  document.body.append(panel)
  expect(textsOf('.status')).toEqual(['closed: close'])
})

test('the panel has no accessibility violations', async () => {
  const { client, open, panel, shadow } = createFixture({ payloads: true })
  client.subscribe('/prices')
  const connection = await open()
  connection.send({ data: '1', id: '1' })
  connection.disconnect()
  await flushMicrotasks()
  nextFrame()
  findButton(shadow, '/prices').click()
  const { violations } = await axe.run(panel)
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([])
  client.close()
})
