/** The prompt box: starts, stops, detaches and resumes a run. */
import { isStreamError } from 'rivulet'
import { findParts, onPress, setEnabled } from './parts.js'
import { createRunView } from './run-view.js'
import { describeError } from './wording.js'

/** Sets up the prompt box in `root`. `pace` is the mock server's `fault` parameter that slows the answer down. */
export function startAnswer(root, client, pace) {
  const { form, ask, stop, detach, resume } = findParts(root)
  const view = createRunView(root)
  /** The current run, if any. */
  let run

  const updateButtons = (state) => {
    setEnabled(ask, state !== 'streaming')
    setEnabled(stop, state === 'streaming')
    setEnabled(detach, state === 'streaming')
    setEnabled(resume, (state === 'detached' || state === 'failed') && run.cursor !== undefined)
  }
  const follow = async (next) => {
    run = next
    updateButtons('streaming')
    const ending = await view.follow(next)
    if (ending === 'detached') view.say('Detached. The server keeps writing; Resume fetches the rest.')
    updateButtons(ending)
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (ask.getAttribute('aria-disabled') === 'true') return
    view.clear()
    const prompt = new FormData(form).get('prompt')
    void follow(client.stream('/api/generate', { json: { prompt }, searchParams: { fault: pace }, ...view.hooks }))
  })
  onPress(stop, async () => {
    try {
      await run.cancel()
    } catch (error) {
      if (!isStreamError(error)) throw error
      view.say(`Stopped here, but the server could not be notified: ${describeError(error)}`, 'bad')
    }
  })
  onPress(detach, () => run.detach())
  // A resumed run announces no heartbeat interval, so it needs an explicit idle timeout.
  onPress(resume, () => void follow(client.resume(run.cursor, { idleTimeout: 6_000, ...view.hooks })))
}
