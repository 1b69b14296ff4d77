/** `useFeed` of React, Vue and Svelte in a page: connections and renders. */
import { type ReactNode, StrictMode, createElement } from 'react'
import { createRoot } from 'react-dom/client'
import { mount, unmount } from 'svelte'
import { afterEach, describe, expect, test } from 'vitest'
import { createApp, h, shallowRef } from 'vue'
import { useFeed as useFeedInReact } from '../../src/react.ts'
import { type FeedStoreOptions, type SharedFeed, createFeed } from '../../src/store.ts'
import { useFeed as useFeedInVue } from '../../src/vue.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { connected } from '../support/native-events.ts'
import { createTestClient } from '../support/test-client.ts'
import Feeds from './Feeds.svelte'
import { createTarget, rendered } from './binding.ts'

interface Counts {
  readonly even: number
  readonly odd: number
}
const options: FeedStoreOptions<Counts> = {
  initial: { even: 0, odd: 0 },
  reduce: ({ even, odd }, { type, data }) => {
    if (type !== 'tick') return { even, odd }
    return (data as number) % 2 ? { even, odd: odd + 1 } : { even: even + 1, odd }
  },
}
const tick = (index: number) => ({ type: 'tick', data: String(index), id: String(index) })
type Client = ReturnType<typeof createTestClient>['client']

interface Mounted {
  /** How often the component was rendered that shows the odd events. */
  readonly oddRenderCount: number
  /** Shows another feed of its own. */
  change(url: string): void
  unmount(): void
}

/** Mounts two components that share a feed, of which one selects, and one with a feed of its own. */
type MountFeeds = (target: HTMLElement, shared: SharedFeed<Counts>, client: Client, url: string) => Mounted

const inReact: MountFeeds = (target, shared, client, url) => {
  let oddRenderCount = 0
  const Odd = () => {
    const { value } = useFeedInReact(shared, ({ odd }) => odd)
    oddRenderCount++
    return createElement('b', null, value)
  }
  const Even = () => createElement('i', null, useFeedInReact(shared).value.even)
  const Own = ({ own }: { own: string }) => {
    const { value, connection } = useFeedInReact(client, own, { ...options })
    return createElement('u', null, `${value.even} ${connection.status}`)
  }
  const root = createRoot(target)
  const render = (own: string): void => {
    const parts: ReactNode[] = [createElement(Odd, { key: 1 }), createElement(Even, { key: 2 })]
    root.render(createElement(StrictMode, null, ...parts, createElement(Own, { own })))
  }
  render(url)
  return {
    get oddRenderCount() {
      // Strict mode renders twice.
      return oddRenderCount / 2
    },
    change: render,
    unmount: () => root.unmount(),
  }
}

const inVue: MountFeeds = (target, shared, client, url) => {
  let oddRenderCount = 0
  const own = shallowRef(url)
  const Odd = () => {
    const { value } = useFeedInVue(shared, ({ odd }) => odd)
    return () => {
      oddRenderCount++
      return h('b', value.value)
    }
  }
  const Even = () => {
    const { value } = useFeedInVue(shared)
    return () => h('i', value.value.even)
  }
  const Own = () => {
    const { value, connection } = useFeedInVue(client, own, options)
    return () => h('u', `${value.value.even} ${connection.value.status}`)
  }
  const app = createApp({ setup: () => () => [h({ setup: Odd }), h({ setup: Even }), h({ setup: Own })] })
  app.mount(target)
  return {
    get oddRenderCount() {
      return oddRenderCount
    },
    change(next) {
      own.value = next
    },
    unmount: () => app.unmount(),
  }
}

const inSvelte: MountFeeds = (target, shared, client, url) => {
  let oddRenderCount = 0
  let change!: (next: string) => void
  const component = mount(Feeds, {
    target,
    props: {
      shared,
      client,
      url,
      options,
      connect: (changeUrl: typeof change) => {
        change = changeUrl
      },
      onodd: () => oddRenderCount++,
    },
  })
  return {
    get oddRenderCount() {
      return oddRenderCount
    },
    change: (next) => change(next),
    unmount: () => void unmount(component),
  }
}

afterEach(() => {
  document.body.replaceChildren()
})

describe.each([
  ['React in strict mode', inReact],
  ['Vue', inVue],
  ['Svelte', inSvelte],
])('%s', (_, mountFeeds) => {
  test('components share one connection, render only what they select, and follow the URL of their own feed', async () => {
    const { client, network } = createTestClient()
    const shared = createFeed(client, '/shared', options)
    const target = createTarget()
    const text = (selector: string) => target.querySelector(selector)?.textContent
    const log = (): string[] => network.attempts.map(({ request }) => request.url.slice(16)).toSorted()
    const isOpen = (url: string): boolean =>
      network.attempts.some(({ request }) => request.url.endsWith(url) && !request.signal.aborted)
    expect(log()).toEqual([])

    const mounted = mountFeeds(target, shared, client, '/own')
    await rendered()
    expect(log()).toEqual(['/own', '/shared'])
    const connectionOf = (url: string) => network.attempts.find(({ request }) => request.url.endsWith(url))!.respond()
    const connection = connectionOf('/shared')
    const own = connectionOf('/own')
    connection.send(connected(), tick(1))
    own.send(connected(), tick(2))
    await flushMicrotasks()
    await rendered()
    expect([text('b'), text('i'), text('u')]).toEqual(['1', '0', '1 open'])

    const before = mounted.oddRenderCount
    for (let index = 2; index < 1_000; index += 2) {
      connection.send(tick(index))
      await flushMicrotasks()
    }
    await rendered()
    expect([text('b'), text('i')]).toEqual(['1', '499'])
    expect(mounted.oddRenderCount).toBe(before)

    mounted.change('/other')
    await rendered()
    expect([log(), isOpen('/own')]).toEqual([['/other', '/own', '/shared'], false])
    expect(text('u')).toBe('0 connecting')
    mounted.unmount()
    await rendered()
    expect([isOpen('/shared'), isOpen('/other')]).toEqual([false, false])
    expect(log()).toEqual(['/other', '/own', '/shared'])
  })
})
