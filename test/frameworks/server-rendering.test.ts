/** `useRun` and `useFeed` on a server: the idle state is rendered, and nothing is requested. */
import { createElement } from 'react'
import { renderToString as renderReact } from 'react-dom/server'
import { render as renderSvelte } from 'svelte/server'
import { expect, test } from 'vitest'
import { createSSRApp, h } from 'vue'
import { renderToString as renderVue } from 'vue/server-renderer'
import { useFeed as useFeedInReact, useRun as useRunInReact } from '../../src/react.ts'
import { createFeed } from '../../src/store.ts'
import { useFeed as useFeedInVue, useRun as useRunInVue } from '../../src/vue.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestClient } from '../support/test-client.ts'
import Answer from './Answer.svelte'
import Feeds from './Feeds.svelte'

const request = { url: '/generate', json: { prompt: 'p' } }
const options = { initial: { even: 7, odd: 8 }, reduce: (counts: { even: number; odd: number }) => counts }

test.each([
  [
    'React',
    ({ client }) => {
      const shared = createFeed(client, '/feed', options)
      return renderReact(
        createElement(() => {
          const own = useFeedInReact(client, '/own', options)
          return `${useRunInReact(client, request).status} ${useFeedInReact(shared).value.odd} ${own.value.even}`
        }),
      )
    },
  ],
  [
    'Vue',
    ({ client }) => {
      const shared = createFeed(client, '/feed', options)
      const setup = () => {
        const { status } = useRunInVue(client, request)
        const [odd, own] = [useFeedInVue(shared, (value) => value.odd), useFeedInVue(client, '/own', options)]
        return () => h('p', `${status.value} ${odd.value.value} ${own.value.value.even}`)
      }
      return renderVue(createSSRApp({ setup }))
    },
  ],
  [
    'Svelte',
    ({ client }) => {
      const shared = createFeed(client, '/feed', options)
      const answer = { client, initial: request, connect() {}, onrender() {} }
      const feeds = { client, shared, url: '/own', options, connect() {}, onodd() {} }
      return renderSvelte(Answer, { props: answer }).body + renderSvelte(Feeds, { props: feeds }).body
    },
  ],
] satisfies [string, (testClient: ReturnType<typeof createTestClient>) => string | Promise<string>][])(
  '%s renders the idle run and the initial values, and sends nothing',
  async (_, render) => {
    const testClient = createTestClient()
    const html = await render(testClient)
    await flushMicrotasks()
    expect(html).toMatch(/idle/)
    expect(html).toMatch(/8\D*7/)
    expect([testClient.network.attempts, testClient.clock.pendingDelays]).toEqual([[], []])
  },
)
