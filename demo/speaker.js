/** Lets screen readers announce a streamed text sentence by sentence, because single words cannot be followed. */

/** Turns `element`, a live region, into a speaker. */
export function createSpeaker(element) {
  let spoken = 0
  return {
    /** Announces the sentences of `text` that are complete and were not announced yet; at the `end`, everything else. */
    read(text, end = 'open') {
      const rest = text.slice(spoken)
      const sentences = end === 'end' ? rest : (rest.match(/^[^]*[.!?](?=\s)/)?.[0] ?? '')
      if (sentences.trim() === '') return
      spoken += sentences.length
      element.textContent = sentences.trim()
    },
    /** Starts over with another text. */
    clear() {
      spoken = 0
      element.textContent = ''
    },
  }
}
