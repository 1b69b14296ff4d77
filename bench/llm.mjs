/**
 * Measures readers of a model's answer: the CPU time for an answer of 2,000 deltas, from the response to the text, in
 * Node. Run `node bench/llm.mjs`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { fetchEventSource } from '@microsoft/fetch-event-source'
import { parseJsonEventStream, readUIMessageStream, uiMessageChunkSchema } from 'ai'
import { createParser } from 'eventsource-parser'
import OpenAI from 'openai'
import { rollup } from 'rollup'
import { typescript } from './build.mjs'
import { writeSection } from './results.mjs'
import { median, quartiles } from './statistics.mjs'

const DELTAS = 2_000
/** Events in one chunk of the response: a busy connection delivers several at once. */
const EVENTS_PER_CHUNK = 4
const ROUNDS = 31
const WARM_UP_ROUNDS = 8
const PASSES = 4
/** The goal: an answer four times as long takes at most this many times as long. */
const TARGET = 4.5

async function loadRivulet() {
  const folder = await mkdtemp(join(tmpdir(), 'rivulet-'))
  const names = ['index', 'openai', 'ai-sdk']
  const bundle = await rollup({
    input: Object.fromEntries(
      names.map((name) => [name, fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url))]),
    ),
    plugins: [typescript],
  })
  await bundle.write({ dir: folder, format: 'es', entryFileNames: '[name].mjs', chunkFileNames: '[name].mjs' })
  const [{ createClient }, { openaiChat }, { aiSdk }] = await Promise.all(
    names.map((name) => import(pathToFileURL(join(folder, `${name}.mjs`)).href)),
  )
  await rm(folder, { recursive: true })
  return { client: createClient({ baseUrl: 'http://localhost' }), openaiChat, aiSdk }
}

const toChunks = (payloads) => {
  const events = payloads.map(
    (payload) => `data: ${typeof payload === 'string' ? payload : JSON.stringify(payload)}\n\n`,
  )
  const groups = Array.from({ length: Math.ceil(events.length / EVENTS_PER_CHUNK) }, (_, index) =>
    events.slice(index * EVENTS_PER_CHUNK, (index + 1) * EVENTS_PER_CHUNK).join(''),
  )
  return groups.map((group) => new TextEncoder().encode(group))
}
const openaiChunk = (delta, reason = null) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1_790_000_000,
  model: 'gpt-5',
  service_tier: 'default',
  system_fingerprint: 'fp_1',
  choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }],
})
/** Returns an answer in the format of OpenAI's chat completions, and of the AI SDK's UI message stream. */
function createAnswer(deltas) {
  const words = Array.from({ length: deltas }, (_, index) => `word ${index} `)
  return {
    text: words.join(''),
    openai: toChunks([
      openaiChunk({ role: 'assistant', content: '' }),
      ...words.map((content) => openaiChunk({ content })),
      openaiChunk({}, 'stop'),
      '[DONE]',
    ]),
    'ai-sdk': toChunks([
      { type: 'start', messageId: 'm1' },
      { type: 'start-step' },
      { type: 'text-start', id: '0' },
      ...words.map((delta) => ({ type: 'text-delta', id: '0', delta })),
      { type: 'text-end', id: '0' },
      { type: 'finish-step' },
      { type: 'finish', finishReason: 'stop' },
      '[DONE]',
    ]),
  }
}

/** Returns a `fetch` that answers with these chunks. */
const fetchOf = (chunks) => async () => {
  let next = 0
  const body = new ReadableStream(
    {
      pull(controller) {
        if (next < chunks.length) controller.enqueue(chunks[next++])
        else controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

/** Returns a reader with Rivulet, which reads the message after each delta. */
const readerOf = (client, chunks, createProtocol) => async () => {
  const run = client.stream('/answers', { fetch: fetchOf(chunks), protocol: createProtocol(), json: {} })
  let content = ''
  for await (const _ of run) ({ content } = run.message.blocks[0])
  const { text } = await run.final()
  if (content !== text) throw new Error('The message has another text')
  return text
}

/** Each reader resolves with the text. */
function createReaders({ client, openaiChat, aiSdk }, answer) {
  const fetchOpenai = fetchOf(answer.openai)
  // `@microsoft/fetch-event-source` was written for pages.
  globalThis.window ??= globalThis
  globalThis.document ??= { hidden: false, addEventListener() {}, removeEventListener() {} }
  const openai = new OpenAI({ apiKey: 'key', baseURL: 'http://localhost/v1', fetch: fetchOpenai })

  return {
    openai: {
      'eventsource-parser and JSON.parse': async () => {
        let content = ''
        const parser = createParser({
          onEvent({ data }) {
            if (data !== '[DONE]') content += JSON.parse(data).choices[0].delta.content ?? ''
          },
        })
        const decoder = new TextDecoder()
        const reader = (await fetchOpenai()).body.getReader()
        for (let result; !(result = await reader.read()).done;)
          parser.feed(decoder.decode(result.value, { stream: true }))
        return content
      },
      rivulet: readerOf(client, answer.openai, openaiChat),
      openai: async () => {
        const stream = await openai.chat.completions.create({ model: 'gpt-5', stream: true, messages: [] })
        let content = ''
        for await (const chunk of stream) content += chunk.choices[0].delta.content ?? ''
        return content
      },
      '@microsoft/fetch-event-source and JSON.parse': async () => {
        let content = ''
        await fetchEventSource('http://localhost/answers', {
          fetch: fetchOpenai,
          openWhenHidden: true,
          onmessage({ data }) {
            if (data !== '[DONE]') content += JSON.parse(data).choices[0].delta.content ?? ''
          },
        })
        return content
      },
    },
    'ai-sdk': {
      rivulet: readerOf(client, answer['ai-sdk'], aiSdk),
      ai: async () => {
        const { body } = await fetchOf(answer['ai-sdk'])()
        const chunks = parseJsonEventStream({ stream: body, schema: uiMessageChunkSchema })
        const unwrap = new TransformStream({ transform: ({ value }, controller) => controller.enqueue(value) })
        let content = ''
        for await (const message of readUIMessageStream({ stream: chunks.pipeThrough(unwrap) }))
          content = message.parts.at(-1)?.text ?? content
        return content
      },
    },
  }
}

/** Resolves with the CPU milliseconds of one pass. */
async function timeOf(read, text, passes = PASSES) {
  const { user, system } = process.cpuUsage()
  for (let pass = 0; pass < passes; pass++) if ((await read()) !== text) throw new Error('The text differs')
  const used = process.cpuUsage({ user, system })
  return (used.user + used.system) / 1_000 / passes
}

/** Calls `measure` for the warm-up, then for each round. Resolves with what the rounds have measured. */
async function inRounds(measure) {
  const results = []
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const result = await measure()
    if (round >= 0) results.push(result)
  }
  return results
}

const rivulet = await loadRivulet()
const answer = createAnswer(DELTAS)
const rows = []
for (const [format, readers] of Object.entries(createReaders(rivulet, answer))) {
  const names = Object.keys(readers)
  // The machine's speed drifts: all readers take turns, and each round has its own ratios.
  const rounds = await inRounds(async () => {
    const times = {}
    for (const name of names) times[name] = await timeOf(readers[name], answer.text)
    return times
  })
  for (const name of names) {
    const ratios = rounds.map((times) => times[name] / times[names[0]])
    const range = quartiles(ratios).map((ratio) => ratio.toFixed(2))
    const ms = median(rounds.map((times) => times[name])).toFixed(1)
    rows.push(`| ${format} | ${name} | ${ms} | ${median(ratios).toFixed(2)} (${range.join('–')}) |`)
    console.log(rows.at(-1))
  }
}

const longAnswer = createAnswer(4 * DELTAS)
const [readShort, readLong] = [answer, longAnswer].map(({ openai }) =>
  readerOf(rivulet.client, openai, rivulet.openaiChat),
)
// Four short answers make as much garbage as a long one.
const growth = median(
  await inRounds(async () => {
    const short = await timeOf(readShort, answer.text, 4)
    return (await timeOf(readLong, longAnswer.text, 1)) / short
  }),
)
const linear = `With Rivulet, an answer four times as long takes ${growth.toFixed(2)} times as long (4.00 is linear; the target is ${TARGET}${growth > TARGET ? ', **missed**' : ''}).`
console.log(linear)
if (!process.argv.includes('--dry'))
  await writeSection(
    'Answers of models, measured',
    `
Written by \`node bench/llm.mjs\`. Node ${process.version}, CPU milliseconds for an answer of ${DELTAS.toLocaleString('en')} deltas, medians of ${ROUNDS} rounds of ${PASSES} passes.
Each chunk of the response has ${EVENTS_PER_CHUNK} events. The readers of a format take turns, and ratios are those of the same round, with quartiles.
Every reader parses the JSON and has the text so far after each delta; Rivulet and the AI SDK also have the message.

| format | reader | ms | ratio to the first reader of the format |
| --- | --- | ---: | ---: |
${rows.join('\n')}

${linear}
`,
  )
