/** A component of Vue that shows a run. */
import { createApp, h, shallowRef } from 'vue'
import { useRun } from '../../src/vue.ts'
import { type AnswerProps, type MountedAnswer, createTarget } from './binding.ts'

export function mountVue({ client, request, options }: AnswerProps): MountedAnswer {
  const target = createTarget()
  const current = shallowRef(request)
  let run!: ReturnType<typeof useRun>
  let renderCount = 0
  const app = createApp({
    setup() {
      run = useRun(client, current, options)
      return () => {
        renderCount++
        return h('p', [run.text.value, h('i', { title: run.status.value })])
      }
    },
  })
  app.mount(target)
  return {
    get shown() {
      const { status, text, message, finishReason, usage, error, connection, ...actions } = run
      return {
        ...actions,
        status: status.value,
        text: text.value,
        message: message.value,
        finishReason: finishReason.value,
        usage: usage.value,
        error: error.value,
        connection: connection.value,
      }
    },
    get renderCount() {
      return renderCount
    },
    get pageText() {
      return target.textContent ?? ''
    },
    change(next) {
      current.value = next
    },
    unmount: () => app.unmount(),
  }
}
