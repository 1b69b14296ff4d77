/** The scenarios: which clients do what in a page, and which figure one run of a client yields. */

const KiB = 1 << 10
const FEEDS = 100
const IDLE_FEEDS = 200
const EVENTS_PER_SECOND = 10

/** Reads the whole stream. Resolves with the CPU time in milliseconds, and the wall time. */
const readWhole =
  (path) =>
  async (page, { size, expected }) => {
    const from = await page.cpu()
    const { wall, got, checks } = await page.call('read', path, size)
    const figure = (await page.cpu()) - from
    if (got !== expected[checks]) throw new Error(`wrong events: checksum ${got} instead of ${expected[checks]}`)
    return { figure, wall }
  }

/** Reads all feeds for `size` seconds after a second of warm-up. Resolves with the CPU time per event in microseconds. */
async function readFeeds(page, { size }) {
  await page.call(
    'open',
    Array.from({ length: FEEDS }, (_, feed) => `/ticks?feed=${feed}`),
  )
  await page.call('receive', EVENTS_PER_SECOND)
  const from = await page.cpu()
  const events = await page.call('receive', size * EVENTS_PER_SECOND)
  const figure = (((await page.cpu()) - from) * 1000) / events
  await page.call('close')
  return { figure }
}

/** Opens `size` streams one after another, after a tenth of that as warm-up. Resolves with the CPU time per stream in microseconds. */
async function openInTurn(page, { size }) {
  await page.call('openInTurn', '/one', Math.ceil(size / 10))
  const from = await page.cpu()
  await page.call('openInTurn', '/one', size)
  return { figure: (((await page.cpu()) - from) * 1000) / size }
}

/** Opens idle feeds. Resolves with the memory that each retains, in KiB. */
async function openIdle(page) {
  const urls = (length) => Array.from({ length }, () => '/one')
  // The code and its feedback are allocated once, and are not part of a feed.
  await page.call('open', urls(20))
  await page.call('close')
  const before = await page.retainedBytes()
  await page.call('open', urls(IDLE_FEEDS))
  const figure = ((await page.retainedBytes()) - before) / IDLE_FEEDS / KiB
  await page.call('close')
  return { figure }
}

/**
 * By name. `size` is the amount of work of one run, and `clients` are all of the folder unless they are named. `bars`
 * has the bar that each client has to reach, and its goal: ratios or, with `above`, figures above that of a lower
 * bound. With `samplesMemory`, the peak of the memory is measured too, in a run of its own.
 */
export const scenarios = {
  events: {
    title: ({ size }) => `${size.toLocaleString('en')} events, as fast as they are read`,
    folder: 'events',
    program: 'whole',
    protocol: 'http1',
    size: 200_000,
    unit: 'ms',
    samplesMemory: true,
    /** Only these are rows of the table of scenarios; the table of whole clients has all. */
    rows: ['rivulet-on', 'rivulet-iterate', 'rivulet-batches', 'eventsource-parser'],
    bars: { 'rivulet-on': [0.7, 0.66], 'rivulet-iterate': [0.85, 0.78], 'rivulet-batches': [0.72, 0.68] },
    measure: readWhole('/events'),
  },
  run: {
    title: ({ size }) => `LLM run of ${size.toLocaleString('en')} deltas in OpenAI format, with JSON`,
    folder: 'run',
    program: 'whole',
    protocol: 'http1',
    size: 50_000,
    unit: 'ms',
    bars: { 'rivulet-iterate': [1.05, 0.9] },
    measure: readWhole('/v1/chat/completions'),
  },
  feeds: {
    title: ({ size }) => `${FEEDS} feeds of ${EVENTS_PER_SECOND} events per second over HTTP/2, ${size} s: per event`,
    folder: 'streams',
    program: 'streams',
    protocol: 'http2',
    clients: ['rivulet-on', 'rivulet-iterate', 'eventsource-parser'],
    size: 5,
    unit: 'µs',
    bars: { 'rivulet-on': [1.1, 1] },
    measure: readFeeds,
  },
  open: {
    title: ({ size }) => `${size} streams opened in turn: per stream, up to its first event`,
    folder: 'streams',
    program: 'streams',
    protocol: 'http1',
    clients: ['rivulet-on', 'rivulet-iterate', 'eventsource-parser'],
    size: 300,
    unit: 'µs',
    bars: { 'rivulet-on': [1.3, 1.15] },
    measure: openInTurn,
  },
  heap: {
    title: () => `${IDLE_FEEDS} idle feeds over HTTP/2: memory per feed`,
    folder: 'streams',
    program: 'streams',
    protocol: 'http2',
    clients: ['fetch-reader', 'rivulet-on', 'rivulet-iterate', 'eventsource-parser'],
    size: 1,
    unit: 'KiB',
    above: 'fetch-reader',
    bars: { 'rivulet-on': [8, 5] },
    measure: openIdle,
  },
}
