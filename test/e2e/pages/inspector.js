/** A page with the inspector, under a content security policy that allows no styles at all. */
import { createClient } from 'rivulet'
import { inspect } from 'rivulet/inspector'

const inspector = inspect({ payloads: new URLSearchParams(location.search).has('payloads') })
const client = createClient({ instrument: inspector.instrument, retry: { delay: 500, jitter: false } })
inspector.mount()

const feed = client.subscribe('/api/stream', { label: 'ticker' })
feed.onAny(() => {})
/** @param {string} prompt */
const ask = (prompt) => client.stream('/api/generate', { json: { prompt }, label: 'answer' })

Object.assign(globalThis, { inspectorPage: { inspector, feed, ask } })
