/** The comparison: one prompt, every vendor at once, and whether their messages are equal. */
import { findParts, onPress, setEnabled, setNotice } from './parts.js'
import { createVendorAnswer } from './vendor-answer.js'
import { vendors } from './vendor-list.js'

/** Compares how all answers have ended; returns a sentence and its tone. */
function compare(outcomes) {
  const complete = outcomes.filter(({ ending }) => ending === 'complete')
  if (new Set(complete.map(({ result }) => JSON.stringify(result))).size > 1) {
    return ['Different results: the messages are not equal.', 'bad']
  }
  const all = outcomes.length
  if (complete.length === all) return [`Same result: the messages of all ${all} vendors are equal, block by block.`]
  if (complete.length === 0) return [`All ${all} have failed, each with an error, as the menu of faults says.`, 'gap']
  const failed = all - complete.length
  return [`Same result from the ${complete.length} that are complete. The other ${failed} ended with an error.`, 'gap']
}

/** Sets up the comparison in `root`, of which each lane is made with `template`; `chat` has the prompt and the fault. */
export function startVendorComparison(root, template, chat) {
  const { run, lanes, verdict } = findParts(root)

  const createLane = ({ name }) => {
    const fragment = template.content.cloneNode(true)
    const parts = findParts(fragment)
    parts.name.textContent = name
    parts.message.setAttribute('aria-label', `The answer of ${name}`)
    lanes.append(fragment)
    return createVendorAnswer(lanes.lastElementChild)
  }
  const answers = vendors.map((vendor) => ({ vendor, answer: createLane(vendor) }))

  onPress(run, async () => {
    const prompt = chat.prompt()
    const fault = chat.fault()
    setEnabled(run, false)
    setNotice(verdict, `All ${vendors.length} are being asked.`)
    const outcomes = await Promise.all(answers.map(({ vendor, answer }) => answer.ask(vendor, prompt, fault)))
    setNotice(verdict, ...compare(outcomes))
    setEnabled(run, true)
  })
}
