/** A component of React that shows a run, in strict mode, which mounts it twice. */
import { StrictMode, createElement, useLayoutEffect } from 'react'
import { createRoot } from 'react-dom/client'
import { useRun } from '../../src/react.ts'
import { type AnswerProps, type MountedAnswer, createTarget } from './binding.ts'

export function mountReact(props: AnswerProps): MountedAnswer {
  const target = createTarget()
  const root = createRoot(target)
  let shown!: MountedAnswer['shown']
  let renderCount = 0

  function Answer({ client, request, options }: AnswerProps) {
    const run = useRun(client, request, options)
    useLayoutEffect(() => {
      shown = run
      renderCount++
    })
    return createElement('p', null, run.text)
  }
  const render = (request: AnswerProps['request']): void =>
    root.render(createElement(StrictMode, null, createElement(Answer, { ...props, request })))
  render(props.request)
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
    change: render,
    unmount: () => root.unmount(),
  }
}
