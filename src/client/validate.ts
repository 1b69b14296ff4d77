/** Validates payloads against their schemas. */
import { StreamError } from '../base/errors.ts'
import type { Schemas, StreamEvent } from '../base/events.ts'

/** Creates the error for an event whose payload is not valid JSON or does not match its schema. */
export function invalidDataError(
  { type, id }: Pick<StreamEvent, 'type' | 'id'>,
  label: string,
  cause: unknown,
): StreamError {
  return new StreamError('invalid-data', `Invalid data in event "${type}": ${label}`, { cause, lastEventId: id })
}

/**
 * Validates the data of the events that have a schema, and resolves with the valid events, with the data that the
 * schemas return. Calls `onInvalid` for each invalid event; if that returns `true`, all later events are dropped as well.
 */
export async function validateEvents(
  events: readonly StreamEvent[],
  schemas: Schemas,
  label: string,
  onInvalid: (error: StreamError, event: StreamEvent) => boolean,
): Promise<StreamEvent[]> {
  const valid: StreamEvent[] = []
  for (const event of events) {
    try {
      // Own keys only: an event may be named `constructor`.
      const schema = Object.hasOwn(schemas, event.type) ? schemas[event.type] : undefined
      if (schema) {
        const result = await schema['~standard'].validate(event.data)
        if (result.issues) throw result.issues
        // The only place that changes an event: it has not been delivered yet, and a copy would lose its position in a run.
        Object.assign(event, { data: result.value })
      }
      valid.push(event)
    } catch (issues) {
      if (onInvalid(invalidDataError(event, label, issues), event)) break
    }
  }
  return valid
}
