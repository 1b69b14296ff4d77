/** Shows a stream's state as a badge that counts down to the next attempt. */
import { describeState } from './wording.js'

/** Turns `element` into a badge; `show` takes the state passed to `onStateChange`. */
export function createStateBadge(element) {
  let timer
  return {
    show(state) {
      clearInterval(timer)
      const write = () => {
        element.textContent = describeState(state)
      }
      element.dataset.status = state.status
      write()
      if (state.status === 'waiting') timer = setInterval(write, 100)
    },
  }
}
