/** Shows one run: its text, its state and its timeline. */
import { isStreamError } from 'rivulet'
import { findParts, setNotice } from './parts.js'
import { createStateBadge } from './state-badge.js'
import { createTimeline } from './timeline.js'
import { describeError } from './wording.js'

const endings = {
  stop: 'Complete.',
  length: 'Cut off at the maximum length. (length)',
  cancelled: 'Stopped, also on the server.',
}

/** Creates a view that shows a run in the elements inside `root`. */
export function createRunView(root) {
  const parts = findParts(root)
  const { output, notice } = parts
  const badge = createStateBadge(parts.state)
  const timeline = createTimeline(parts.timeline, { span: 10_000, mode: 'growing', noun: 'delta' })
  const text = document.createTextNode('')
  output.append(text)

  return {
    /** Callbacks to pass as options to `stream` and `resume`. */
    hooks: {
      onStateChange(state) {
        badge.show(state)
        timeline.status(state.status)
        if (state.status === 'waiting') setNotice(notice, describeError(state.error), 'gap')
        if (state.status === 'open') setNotice(notice, '')
      },
    },
    clear() {
      text.data = ''
      output.removeAttribute('data-filled')
      timeline.clear()
      setNotice(notice, '')
    },
    say: (message, tone, duration) => setNotice(notice, message, tone, duration),
    /** The text so far. */
    get text() {
      return text.data
    },
    /**
     * Appends the text of `run` until the run ends, and calls `onText` after each delta. Resolves with `complete`,
     * `detached`, `failed`, `lost` if the process that generated it is, or `gone` if the server no longer has the run.
     */
    async follow(run, onText) {
      const previousText = text.data
      output.setAttribute('aria-busy', 'true')
      output.setAttribute('data-filled', '')
      try {
        for await (const { content } of run) {
          text.appendData(content) // text, never markup
          timeline.tick()
          output.scrollTop = output.scrollHeight
          onText?.()
        }
        const { finishReason } = await run.final()
        setNotice(notice, endings[finishReason] ?? `Complete. (${finishReason})`)
        return 'complete'
      } catch (error) {
        if (isStreamError(error)) setNotice(notice, describeError(error), 'bad')
        else if (error.name !== 'AbortError') throw error
        if (isStreamError(error, 'expired')) return 'gone'
        if (error.serverCode === 'producer-lost') return 'lost'
        return isStreamError(error) ? 'failed' : 'detached'
      } finally {
        // The cursor covers everything received, so also show the deltas that the loop has not reached.
        text.data = previousText + run.text
        output.removeAttribute('aria-busy')
      }
    },
  }
}
