/** Figures of many streams, as lines to print and as a table of Markdown. */
import type { StreamKind } from './schedule.ts'
import type { StreamStats } from './stats.ts'

const formatCounts = (counts: ReadonlyMap<string, number>): string =>
  [...counts]
    .sort(([, one], [, other]) => other - one)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || 'none'

const sumCounts = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((total, count) => total + count, 0)

/** What a terminal shows of one client and one kind of stream. */
export function formatReport(name: string, kind: StreamKind, stats: StreamStats): string[] {
  const { outcomes } = stats
  return [
    `${name}: ${stats.streams} ${kind}s`,
    `  whole ${outcomes.complete}, ended by an error ${outcomes.failed} (${formatCounts(stats.errorCodes)}), gone on with from a cursor ${stats.resumed}`,
    `  hung ${outcomes.hung}, false success ${outcomes['false success']}`,
    `  delivered ${stats.delivered}, lost ${stats.lost}, said to be lost ${stats.reportedLost}, repeated ${stats.repeated}, out of order ${stats.outOfOrder}`,
    `  requests ${stats.requests}${kind === 'run' ? `, POSTs ${stats.posts}, generated again ${stats.extraRuns}` : ''}`,
    `  faults survived ${sumCounts(stats.survivedFaults)}: ${formatCounts(stats.survivedFaults)}`,
    `  promises broken ${stats.violatedStreams}`,
  ]
}

/** A table of what became of one kind of stream, a row for each client. */
export function formatTable(kind: StreamKind, rows: readonly { name: string; stats: StreamStats }[]): string {
  const figures: Record<string, (stats: StreamStats) => string | number> = {
    streams: ({ streams }) => streams,
    complete: ({ outcomes }) => outcomes.complete,
    'ended by an error': ({ outcomes }) => outcomes.failed,
    hung: ({ outcomes }) => outcomes.hung,
    'whole by its own word only': ({ outcomes }) => outcomes['false success'],
    lost: ({ lost }) => lost,
    repeated: ({ repeated }) => repeated,
    'out of order': ({ outOfOrder }) => outOfOrder,
    ...(kind === 'run' && {
      'POSTs per whole answer': ({ posts, outcomes }: StreamStats) => (posts / outcomes.complete).toFixed(2),
      'generations per whole answer': ({ extraRuns, outcomes }: StreamStats) =>
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

/** The page that keeps the figures. */
export function formatPage(seeds: number, tables: readonly string[], survived: ReadonlyMap<string, number>): string {
  return `# Chaos: the same faults for everybody

Written by \`npm run chaos -- --peers --write\` (Node ${process.versions.node}, ${seeds} seeds for each client and kind of stream). A seed is a schedule: what a TCP proxy between client and mock server does to the n-th connection (cuts by reset and by end, in heads, chunk heads,
characters and anywhere, silence, refusal, delay, bytes one by one), what the server does to the n-th request (refusals with and without \`Retry-After\`, cuts, stalls, answers that get lost, replays that begin too early), and when it restarts, with its log or without. \`test/chaos/\` has it all.

A stream is *whole* when each event came once and in order; one in five schedules of runs can't end so, nor one in fourteen of feeds, and each says by which error. *Hung*: nothing new for 6 s (ours: 15 s), or asking for ever. *Whole by its own word only*: it said that all was well, and events were missing. *Lost*: events that were passed over without a word.
POSTs and generations are those of whole answers alone: \`eventsource\` can only GET, and over a carrier each operation is a POST; a generation too many of ours is that of a server that had forgotten the first one before it said so. Ours go on from cursors where they give up, or are left, now and then.
Peers are used as their documentation has it, retrying as they do by themselves but sooner (\`onerror: () => 5\`, \`retry: 5\`). Neither has a timeout for silence, so that each half-open connection hangs; ours had three missing heartbeats, or \`idleTimeout\`.

${tables.join('\n\n')}

Faults that whole streams of ours got over: ${sumCounts(survived).toLocaleString('en')}. ${formatCounts(survived)}.
`
}
