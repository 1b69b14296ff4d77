/** The answer: one process generates it, the other one serves it, and a process that is left continues it. */
import { BRIEFLY_MS, findParts, onPress, setEnabled } from './parts.js'
import { createRunView } from './run-view.js'
import { createSpeaker } from './speaker.js'

/** Sets up the answer in `root`. `list` shows which processes serve and generate it. */
export function startProcessAnswer(root, client, list) {
  const parts = findParts(root)
  const view = createRunView(root)
  const speaker = createSpeaker(parts.spoken)
  let prompt = ''
  /** Number of the process that serves the answer, or has served it last. */
  let number
  /** A run that has failed, but not on the server: it can be resumed. */
  let interrupted

  /** Options of a run. Its process is not the `avoided` one, if there is another. */
  const optionsFor = (avoided) => ({
    headers: { 'x-avoid-process': String(avoided ?? '') },
    onResponse({ headers }) {
      number = Number(headers.get('x-process'))
      list.setServing('answer', number)
    },
    onStateChange(state) {
      view.hooks.onStateChange(state)
      if (state.status === 'open' && state.attempt > 1) {
        view.say(`Process ${number} continues after the last token that has arrived.`, 'calm', BRIEFLY_MS)
      }
    },
  })
  const read = (run, onDelta) =>
    view.follow(run, () => {
      list.setRun(run.cursor?.streamId)
      speaker.read(view.text)
      onDelta?.()
    })
  const resume = (run, avoided) => read((interrupted = client.resume(run.cursor, optionsFor(avoided))))
  /** Starts a run that generates what follows `prefix`. */
  const start = async (prefix) => {
    const run = client.stream('/processes/answers', { json: { prompt, prefix }, ...optionsFor(list.feedNumber) })
    interrupted = run
    // Without this, one process would generate and serve the answer. A reload of the page would have the same effect.
    const ending = await read(run, () => run.detach())
    return ending === 'detached' ? resume(run, number) : ending
  }
  /** Follows a run to its end. */
  const follow = async (begin) => {
    setEnabled(parts.ask, false)
    setEnabled(parts.continue, false)
    const ending = await begin()
    speaker.read(view.text, 'end')
    list.setServing('answer', undefined)
    if (ending !== 'failed' || !interrupted.cursor) interrupted = undefined
    setEnabled(parts.ask, true)
    setEnabled(parts.continue, ending === 'lost' || ending === 'failed')
  }

  parts.form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (parts.ask.getAttribute('aria-disabled') === 'true') return
    prompt = new FormData(parts.form).get('prompt')
    view.clear()
    speaker.clear()
    void follow(() => start(''))
  })
  onPress(parts.continue, () => void follow(() => (interrupted ? resume(interrupted) : start(view.text))))
}
