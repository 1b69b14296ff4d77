/** A component of Svelte that shows a run. */
import { mount, unmount } from 'svelte'
import type { RunRequest } from '../../src/store.ts'
import Answer from './Answer.svelte'
import { type AnswerProps, type MountedAnswer, createTarget } from './binding.ts'

export function mountSvelte({ client, request, options }: AnswerProps): MountedAnswer {
  const target = createTarget()
  let shown!: MountedAnswer['shown']
  let change!: (next: RunRequest | null) => void
  let renderCount = 0
  const component = mount(Answer, {
    target,
    props: {
      client,
      initial: request,
      options,
      connect(run: MountedAnswer['shown'], changeRequest: typeof change) {
        shown = run
        change = changeRequest
      },
      onrender: () => renderCount++,
    },
  })
  return {
    get shown() {
      return shown
    },
    get renderCount() {
      return renderCount
    },
    get pageText() {
      return target.textContent ?? ''
    },
    change: (next) => change(next),
    unmount: () => void unmount(component),
  }
}
