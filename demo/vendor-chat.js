/** The chat: asks the vendor from the menu, stops its answer, and asks again. */
import { findParts, onPress, setEnabled } from './parts.js'
import { createSpeaker } from './speaker.js'
import { createVendorAnswer } from './vendor-answer.js'
import { samplePrompts } from './vendor-answers.js'
import { explainFault } from './vendor-faults.js'
import { vendors } from './vendor-list.js'

/** Sets up the chat in `root`. Returns functions for the prompt and the fault in it. */
export function startVendorChat(root) {
  const parts = findParts(root)
  const speaker = createSpeaker(parts.spoken)
  let text = ''
  const answer = createVendorAnswer(root, (next) => {
    text = next
    speaker.read(text)
  })
  const vendor = () => vendors.find(({ id }) => id === parts.vendor.value)
  let prompt = ''

  const explain = () => {
    const { url, path, resumes } = vendor()
    parts.endpoint.textContent = `POST ${url ?? path}`
    parts.ability.textContent = resumes
      ? 'An answer that is cut can be continued.'
      : 'An answer that is cut cannot be continued.'
    parts.explanation.textContent = explainFault(parts.fault.value)
  }
  const ask = async (fault) => {
    setEnabled(parts.send, false)
    setEnabled(parts.retry, false)
    setEnabled(parts.stop, true)
    text = ''
    speaker.clear()
    parts.asked.textContent = prompt
    await answer.ask(vendor(), prompt, fault)
    speaker.read(text, 'end')
    setEnabled(parts.stop, false)
    setEnabled(parts.send, true)
    setEnabled(parts.retry, true)
  }

  parts.vendor.replaceChildren(...vendors.map(({ id, name }) => new Option(name, id)))
  parts.vendor.addEventListener('change', explain)
  parts.fault.addEventListener('change', explain)
  for (const sample of samplePrompts) {
    const button = document.createElement('button')
    button.type = 'button'
    button.dir = 'auto'
    button.textContent = sample
    onPress(button, () => {
      parts.prompt.value = sample
      parts.prompt.focus()
    })
    parts.samples.append(button)
  }
  parts.prompt.value = samplePrompts[0]
  parts.form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (parts.send.getAttribute('aria-disabled') === 'true') return
    prompt = parts.prompt.value
    void ask(parts.fault.value)
  })
  onPress(parts.stop, () => void answer.stop())
  onPress(parts.retry, () => void ask('none'))
  explain()

  return { prompt: () => parts.prompt.value, fault: () => parts.fault.value }
}
