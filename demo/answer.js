/** The prompt box: asks, streams the answer, stops it, lets go of it and resumes it. */
import { isStreamError } from 'rivulet'
import { findParts, onPress, setEnabled } from './parts.js'
import { createRunView } from './run-view.js'
import { describeError } from './wording.js'

/** Wires the prompt box in `root`. `pace` is how the mock server is asked to write. */
export function startAnswer(root, client, pace) {
  const { form, ask, stop, detach, resume } = findParts(root)
  const view = createRunView(root)
  /** The run that is shown, if any. */
  let run

  const offer = (state) => {
    setEnabled(ask, state !== 'streaming')
    setEnabled(stop, state === 'streaming')
    setEnabled(detach, state === 'streaming')
    setEnabled(resume, (state === 'detached' || state === 'failed') && run.cursor !== undefined)
  }
  const follow = async (next) => {
    run = next
    offer('streaming')
    const ending = await view.follow(next)
    if (ending === 'detached') view.say('Let go. The server writes on; Resume fetches what comes meanwhile.')
    offer(ending)
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
      view.say(`Stopped here, but the server could not be told: ${describeError(error)}`, 'bad')
    }
  })
  onPress(detach, () => run.detach())
  // Where a run is resumed nothing announces heartbeats, and so there is no idle timeout but one's own.
  onPress(resume, () => void follow(client.resume(run.cursor, { idleTimeout: 6_000, ...view.hooks })))
}
