/** What the contract holds for: every `Connect` there is. */
import type { Connect } from '../../src/connect/connect.ts'

/** A way to make connections. */
export interface Subject {
  readonly name: string
  /** Makes one for a client. @defaultValue what a client uses by itself */
  connect?(): Connect
}

/** Another `Connect` is another line here. */
export const subjects: readonly Subject[] = [
  { name: 'fetch' },
]
