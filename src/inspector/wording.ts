/** How the views put figures and entries into words. */
import type { StreamRow, TimelineEntry } from './stream-row.ts'

/** Returns a duration in milliseconds as text: `12 ms`, `3.4 s`, `2 min 5 s`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1_000)} s`
}

/** Returns a number of bytes as text: `12 B`, `3.4 kB`, `5.6 MB`. */
function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}

/** Returns a number with its noun: `1 event`, `2 events`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

const nouns: Partial<Record<TimelineEntry['kind'], string>> = { events: 'event', duplicate: 'duplicate' }

/** Returns what an entry of a timeline says. */
export function describeEntry({ kind, count, text }: TimelineEntry): string {
  const noun = nouns[kind]
  return noun ? countOf(count, noun) : text || kind
}

/** Returns the name of a stream: its label, if it has one, and its request. */
export function describeStream({ label, name }: StreamRow): string {
  return label === undefined ? name : `${label} (${name})`
}

/** Returns a timeline as a sentence, for those who do not see the drawing. */
export function describeTimeline({ madeAt, updatedAt, events, retries, longestGap }: StreamRow): string {
  const gap = longestGap ? `, longest gap ${formatDuration(longestGap)}` : ''
  return `${formatDuration(updatedAt - madeAt)}: ${countOf(events, 'event')}, ${retries === 1 ? '1 retry' : `${retries} retries`}${gap}`
}

/** Returns the figures of a row, by name. */
export function factsOf(row: StreamRow): Record<string, string> {
  const { usage, cursor } = row
  return {
    Events: `${row.events}`,
    Duplicates: `${row.duplicates}`,
    Bytes: formatBytes(row.bytes),
    'First event': row.firstEventAfter === undefined ? '–' : formatDuration(row.firstEventAfter),
    Attempts: `${row.attempts}`,
    'Longest gap': row.longestGap ? formatDuration(row.longestGap) : '–',
    Heartbeats: `${row.heartbeats}`,
    Credentials: formatDuration(row.preparedIn),
    Connection: row.via ?? '–',
    Origin: row.origin,
    'Last event ID': row.lastEventId || '–',
    ...(row.resets && { Resets: `${row.resets}` }),
    ...(row.errors && { Errors: `${row.errors}` }),
    ...(cursor && { Cursor: cursor }),
    ...(usage !== undefined && { Usage: JSON.stringify(usage) }),
  }
}
