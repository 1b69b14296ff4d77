/** Blocks of the native protocol, as a server sends them (PROTOCOL.md, section 3). */
import type { ScriptedBlock } from './scripted-connect.ts'

/** Creates a `start` event. Every event ID in the run contains the stream ID, `r1`. */
export function start(fields: Record<string, unknown> = {}): ScriptedBlock {
  const data = {
    protocol: 1,
    streamId: 'r1',
    prompt: 'p',
    timestamp: 0,
    resume: '/api/generate/r1',
    heartbeat: 30_000,
    ...fields,
  }
  return { type: 'start', data: JSON.stringify(data), id: 'r1:s' }
}

/** Creates the `connected` event of a feed (PROTOCOL.md, section 2). */
export function connected(id?: string, fields: Record<string, unknown> = {}): ScriptedBlock {
  const data = JSON.stringify({ protocol: 1, clientId: 'c1', message: 'connected', ...fields })
  return { type: 'connected', data, ...(id !== undefined && { id }) }
}

export function delta(index: number, content = `${index} `): ScriptedBlock {
  return { type: 'delta', data: JSON.stringify({ content, index }), id: `r1:${index}` }
}

export function end(fields: Record<string, unknown> = {}): ScriptedBlock {
  return { type: 'end', data: JSON.stringify({ finishReason: 'stop', timestamp: 1, ...fields }), id: 'r1:e' }
}

/** Creates a terminal `error` event. */
export function failure(fields: Record<string, unknown> = {}): ScriptedBlock {
  return {
    type: 'error',
    data: JSON.stringify({ code: 'overloaded', message: 'Too busy', retryable: true, ...fields }),
    id: 'r1:e',
  }
}
