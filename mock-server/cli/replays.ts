/** The option `--replay`: recordings, and the paths at which they are served. */
import { readFileSync } from 'node:fs'
import { parseRecording } from '../replay/recording.ts'

/** A recording to serve. */
export interface Replay {
  readonly path: string
  readonly text: string
}

/** Path of an event stream that is given without one. */
const DEFAULT_PATH = '/api/replay'

/**
 * Reads the recordings of an argument `[path=]file`: one for each path in a file that `--record` has written, unless the
 * argument has a path.
 * @throws an error if the file cannot be read or is not a recording
 */
export function readReplays(argument: string): Replay[] {
  const [, givenPath, file = argument] = /^(\/[^=]*)=(.+)$/.exec(argument) ?? []
  const text = readFileSync(file, 'utf8')
  const paths = new Set(parseRecording(text).map(({ path }) => (path === '*' ? (givenPath ?? DEFAULT_PATH) : path)))
  if (givenPath !== undefined && !paths.has(givenPath)) throw new TypeError(`recording: no response for ${givenPath}`)
  return (givenPath === undefined ? [...paths] : [givenPath]).map((path) => ({ path, text }))
}
