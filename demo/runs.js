/** Three concurrent runs, each at its own pace. */
import { findParts, onPress, setEnabled, setNotice } from './parts.js'
import { createRunView } from './run-view.js'

const questions = [
  { prompt: 'Why is the sea salty?', pace: 'tokens,delay:150,heartbeat:2000' },
  { prompt: '小溪流向哪里？', pace: 'delay:80,heartbeat:2000' },
  { prompt: 'Name a river 🌊', pace: 'tokens,delay:220,heartbeat:2000' },
]

/** Sets up the three runs in `root`; each is a copy of `template`. */
export function startRuns(root, client, template) {
  const { start, stop, list, notice } = findParts(root)
  let running = []
  const views = questions.map(({ prompt }) => {
    const article = template.content.cloneNode(true).firstElementChild
    findParts(article).title.textContent = prompt
    findParts(article).output.setAttribute('aria-label', `Answer to: ${prompt}`)
    list.append(article)
    return createRunView(article)
  })

  onPress(start, async () => {
    setEnabled(start, false)
    setEnabled(stop, true)
    running = questions.map(({ prompt, pace }, index) => {
      views[index].clear()
      return client.stream('/api/generate', { json: { prompt }, searchParams: { fault: pace }, ...views[index].hooks })
    })
    const endings = await Promise.all(running.map((run, index) => views[index].follow(run)))
    const failed = endings.filter((ending) => ending === 'failed' || ending === 'gone').length
    setNotice(notice, failed ? `Three runs ended, ${failed} of them with an error.` : 'Three runs ended.')
    setEnabled(start, true)
    setEnabled(stop, false)
  })
  // The runs end on the page even if the server cannot be notified.
  onPress(stop, () => void Promise.allSettled(running.map((run) => run.cancel())))
}
