/** One answer: asks a vendor, and shows what arrives. Nothing here depends on the vendor. */
import { createClient, isStreamError } from 'rivulet'
import { createMock } from 'rivulet/mock'
import { createMessageView } from './message-view.js'
import { findParts, setNotice } from './parts.js'
import { createStateBadge } from './state-badge.js'
import { answerTo, tools, usage } from './vendor-answers.js'
import { RETRY_LIMIT, scenarioOf } from './vendor-faults.js'
import { describeEnding, describeVendorError, detailsOf } from './vendor-wording.js'

/** Starts a server in the page that answers as the vendor does, with a fault. */
function startVendor({ path, dialect }, fault) {
  const mock = createMock({ unit: 'token', delay: 40 })
  mock.run(path, { dialect, usage, answer: answerTo })
  mock.setScenario(scenarioOf(fault))
  return mock
}

/** Returns what has to be equal for all vendors: everything but the vendor's own blocks. */
const comparable = ({ message, finishReason }) => ({
  finishReason,
  blocks: message.blocks.map((block) => ({ ...block, raw: undefined })),
})

/** Shows answers in `root`, one after another. `onText` is called with the text so far. */
export function createVendorAnswer(root, onText) {
  const parts = findParts(root)
  const view = createMessageView(parts.message)
  const badge = createStateBadge(parts.state)
  let current

  const clear = () => {
    view.clear()
    for (const name of ['finish', 'input', 'output', 'reasoning', 'requests', 'resumed']) parts[name].textContent = ''
    parts.details.hidden = true
    setNotice(parts.notice, '')
    parts.message.setAttribute('data-filled', '')
  }
  const showFailure = (error, tone) => {
    setNotice(parts.notice, describeVendorError(error), tone)
    const details = detailsOf(error)
    parts.details.hidden = details === ''
    parts.body.textContent = details
  }
  const showEnd = ({ finishReason, rawFinishReason, usage: counts }) => {
    const own = rawFinishReason && rawFinishReason !== finishReason ? ` (sent as ${rawFinishReason})` : ''
    parts.finish.textContent = `${finishReason}${own}`
    parts.input.textContent = counts?.inputTokens ?? ''
    parts.output.textContent = counts?.outputTokens ?? ''
    parts.reasoning.textContent = counts?.reasoningTokens ?? ''
  }
  const runTools = (calls) => {
    for (const { id, name, input } of calls) view.showResult(id, tools[name](input))
  }

  /** Reads a run to its end. */
  const read = async (run, vendor) => {
    for await (const _ of run) {
      view.show(run.message)
      onText?.(run.text)
    }
    const end = await run.final()
    showEnd(end)
    if (end.finishReason !== 'cancelled') runTools(end.toolCalls)
    setNotice(parts.notice, describeEnding(end.finishReason, vendor))
    return end.finishReason === 'cancelled' ? { ending: 'stopped' } : { ending: 'complete', result: comparable(end) }
  }

  return {
    /**
     * Asks a vendor. Resolves with how the answer has ended, `complete`, `stopped` or `failed`, and the `result` if it
     * is complete.
     */
    async ask(vendor, prompt, fault) {
      clear()
      const mock = startVendor(vendor, fault)
      let resumed = 0
      const showConnections = () => {
        parts.requests.textContent = mock.requests.length
        parts.resumed.textContent = resumed > 0 ? `${resumed}×` : 'no'
      }
      const client = createClient({
        fetch: mock.fetch,
        retry: { limit: RETRY_LIMIT, delay: 400, jitter: false },
        idleTimeout: 2_000,
        onStateChange(state) {
          badge.show(state)
          if (state.status === 'waiting') showFailure(state.error, 'gap')
          if (state.status === 'open') {
            if (run.message) resumed += 1
            setNotice(parts.notice, run.message ? 'The client has resumed the answer where it was cut.' : '')
          }
          showConnections()
        },
        // The loop throws the same error.
        onError: () => {},
      })
      const { url = vendor.path, protocol, body } = vendor
      const run = client.stream(url, { protocol, json: body(prompt) })
      current = run
      parts.message.setAttribute('aria-busy', 'true')
      try {
        return await read(run, vendor)
      } catch (error) {
        if (!isStreamError(error)) throw error
        showFailure(error, 'bad')
        return { ending: 'failed' }
      } finally {
        parts.message.removeAttribute('aria-busy')
        showConnections()
        mock.close()
      }
    },
    /** Stops the answer that is going on. */
    stop: () => current?.cancel(),
  }
}
