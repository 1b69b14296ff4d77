/** Validates payloads against their schemas. */
import { StreamError } from '../base/errors.ts'
import type { Schemas, StreamEvent } from '../base/events.ts'

/**
 * An event before delivery. Its properties are mutable: parsing and validation replace `data`, and the source sets
 * `id`.
 */
export interface PendingEvent {
  type: string
  data: unknown
  id: string
}

/** Creates the error for an event whose payload is not valid JSON or does not match its schema. */
export function invalidDataError({ type, id }: StreamEvent, cause: unknown): StreamError {
  return new StreamError('invalid-data', `Invalid data in event "${type}"`, { cause, lastEventId: id })
}

/**
 * Validates, in place, the data of the events that have a schema, and resolves with the valid events. Calls `onInvalid`
 * for each invalid event; if that returns `true`, all later events are dropped as well.
 */
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
