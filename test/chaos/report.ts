/** Formats statistics: as lines for the terminal, and as the Markdown page `bench/CHAOS.md`. */
import type { StreamKind } from './schedule.ts'
import type { StreamStats } from './stats.ts'
import type { ServerKind } from './upstream.ts'

const formatCounts = (counts: ReadonlyMap<string, number>): string =>
  [...counts]
    .sort(([, one], [, other]) => other - one)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || 'none'

const sumCounts = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((total, count) => total + count, 0)

/** Formats the statistics of one client and one kind of stream for the terminal. */
export function formatReport(name: string, kind: StreamKind, stats: StreamStats): string[] {
  const { outcomes } = stats
  return [
    `${name}: ${stats.streams} ${kind}s`,
    `  complete ${outcomes.complete}, ended with an error ${outcomes.failed} (${formatCounts(stats.errorCodes)}), resumed from a cursor ${stats.resumed}`,
    `  hung ${outcomes.hung}, false success ${outcomes['false success']}`,
    `  delivered ${stats.delivered}, lost ${stats.lost}, reported lost ${stats.reportedLost}, skipped by the server ${stats.skipped}, connections not reported ${stats.unreported}, repeated ${stats.repeated}, out of order ${stats.outOfOrder}`,
    `  requests ${stats.requests}${kind === 'run' ? `, POSTs ${stats.posts}, extra generations ${stats.extraRuns}` : ''}`,
    `  faults survived ${sumCounts(stats.survivedFaults)}: ${formatCounts(stats.survivedFaults)}`,
    `  streams with violations ${stats.violatedStreams}`,
  ]
}

/** Formats a table of one kind of stream, with a row for each client. */
export function formatTable(
  kind: StreamKind,
  server: ServerKind,
  rows: readonly { name: string; stats: StreamStats }[],
): string {
  const figures: Record<string, (stats: StreamStats) => string | number> = {
    streams: ({ streams }) => streams,
    complete: ({ outcomes }) => outcomes.complete,
    'ended with an error': ({ outcomes }) => outcomes.failed,
    hung: ({ outcomes }) => outcomes.hung,
    'false success': ({ outcomes }) => outcomes['false success'],
    lost: ({ lost }) => lost,
    repeated: ({ repeated }) => repeated,
    'out of order': ({ outOfOrder }) => outOfOrder,
    ...(server === 'per-connection' && {
      'skipped by the server': ({ skipped }: StreamStats) => skipped,
      'connections not reported': ({ unreported }: StreamStats) => unreported,
    }),
    ...(kind === 'run' && {
      'POSTs per complete run': ({ posts, outcomes }: StreamStats) => (posts / outcomes.complete).toFixed(2),
      'generations per complete run': ({ extraRuns, outcomes }: StreamStats) =>
        (1 + extraRuns / outcomes.complete).toFixed(2),
    }),
  }
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  return [
    line([kind === 'run' ? 'runs of 500 deltas' : 'feeds of 2,000 events', ...Object.keys(figures)]),
    line(['---', ...Object.keys(figures).map(() => '---:')]),
    ...rows.map(({ name, stats }) =>
      line([name, ...Object.values(figures).map((figure) => figure(stats).toLocaleString('en'))]),
    ),
  ].join('\n')
}

/** The tables of one server, one for each kind of stream. */
export interface ServerTables {
  readonly server: ServerKind
  readonly tables: readonly string[]
}

const descriptions: Readonly<Record<ServerKind, string>> = {
  mock: `## A server that speaks the protocol

The mock server of this repository, with runs and feeds.`,
  'per-connection': `## A server that counts IDs for each connection

As many frameworks do, it numbers the events of each connection from 1, ignores \`Last-Event-ID\`, and starts with the newest event. What it sends while nobody is connected is lost, so no client can have it: those events are *skipped by the server*, and a client has to tell the application that events may be missing after each further connection. *Connections not reported* counts the connections after which it did not.`,
  inclusive: `## A server with global IDs that repeats the last event

It resumes at the event that \`Last-Event-ID\` names instead of after it, so a client has to recognize the repeated event.`,
}

/** Formats the page `bench/CHAOS.md`. */
export function formatPage(
  seeds: number,
  servers: readonly ServerTables[],
  survived: ReadonlyMap<string, number>,
): string {
  return `# Chaos: the same faults for every client

Written by \`npm run chaos -- --peers --write\` (Node ${process.versions.node}, ${seeds} seeds for each client and kind of stream). A seed is a schedule of faults. It determines what a TCP proxy between client and server does to the n-th connection (cuts by RST or FIN inside heads, chunk headers,
characters or anywhere, silence, refusal, delay, splitting), what the mock server does to the n-th request (error statuses with and without \`Retry-After\`, cuts, stalls, lost responses, replays that start too early), and when the server restarts, with or without its log. The code is in \`test/chaos/\`.

A stream is *complete* if every event arrived once and in order. On the mock server, one in five run schedules and one in fourteen feed schedules make this impossible; each of them states the error that must result. *Hung*: no new event for 6 s (rivulet: 15 s), or endless requests. *False success*: the client reported success although events were missing. *Lost*: events skipped silently.
POSTs and generations are counted for complete runs only. \`eventsource\` can only GET; over a channel, each operation is a POST. An extra generation of rivulet can only follow a restart in which the server lost its log. Rivulet's consumers also leave their loop now and then; they resume from the cursor then and after an error.
The peers are used as documented, with their own retries but shorter delays (\`onerror: () => 5\`, \`retry: 5\`). Neither has a timeout for silence, so each half-open connection hangs; rivulet notices after three missing heartbeats, or by \`idleTimeout\`.

${servers.map(({ server, tables }) => [descriptions[server], ...tables].join('\n\n')).join('\n\n')}

Faults survived by complete rivulet streams: ${sumCounts(survived).toLocaleString('en')}. ${formatCounts(survived)}.
`
}
