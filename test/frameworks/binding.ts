/** What the tests of the framework bindings have in common: a component that shows a run, in each framework. */
import type { Client } from '../../src/index.ts'
import type { RunActions, RunRequest, RunSnapshot, RunStoreOptions } from '../../src/store.ts'

export interface AnswerProps {
  readonly client: Client
  readonly request: RunRequest | null
  readonly options?: RunStoreOptions | undefined
}

/** A mounted component. */
export interface MountedAnswer {
  /** What the component has rendered last. */
  readonly shown: RunSnapshot & RunActions
  /** How often the component was rendered, and the page changed. */
  readonly renderCount: number
  /** The text on the page. */
  readonly pageText: string
  /** Renders the component with another request. */
  change(request: RunRequest | null): void
  unmount(): void
}

/** Mounts a component that calls `useRun`. */
export type MountAnswer = (props: AnswerProps) => MountedAnswer

/** Resolves once the frameworks have rendered: after two frames, and the tasks that those have scheduled. */
export async function rendered(): Promise<void> {
  for (const _ of [1, 2]) {
    await new Promise((resolve) => requestAnimationFrame(resolve))
    await new Promise((resolve) => setTimeout(resolve, 0))
  }
}

/** Creates the element into which a component is mounted. */
export function createTarget(): HTMLElement {
  return document.body.appendChild(document.createElement('main'))
}
