/** Payloads: from text to data, and against their schemas. */
import { StreamError } from '../base/errors.ts'
import type { Schemas, StreamEvent } from '../base/events.ts'

/** An event on its way to the user, its id and data to be replaced by what validation makes of them. */
export interface PendingEvent {
  type: string
  data: unknown
  id: string
}

export function invalidDataError({ type, id }: StreamEvent, cause: unknown): StreamError {
  return new StreamError('invalid-data', `Invalid data in event "${type}"`, { cause, lastEventId: id })
}

/** Validates the data of those `events` that have a schema, in place; what fails is given to `onInvalid` and left out, all that follows as well where that returns `true`. */
export async function validateEvents<Event extends PendingEvent>(
  events: Event[],
  schemas: Schemas,
  onInvalid: (error: StreamError, event: Event) => boolean,
): Promise<Event[]> {
  const valid: Event[] = []
  for (const event of events) {
    try {
      // Own keys only: an event may be named `constructor`.
      const schema = Object.hasOwn(schemas, event.type) ? schemas[event.type] : undefined
      if (schema) {
        const result = await schema['~standard'].validate(event.data)
        if (result.issues) throw result.issues
        event.data = result.value
      }
      valid.push(event)
    } catch (issues) {
      if (onInvalid(invalidDataError(event, issues), event)) break
    }
  }
  return valid
}
