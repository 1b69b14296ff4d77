/** Figures of many streams, as lines to print and as a table of Markdown. */
import type { Kind } from './schedule.ts'
import type { Tally } from './stats.ts'

const listed = (counts: ReadonlyMap<string, number>): string =>
  [...counts]
    .sort(([, one], [, other]) => other - one)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || 'none'

const sum = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((total, count) => total + count, 0)

/** What a terminal shows of one client and one kind of stream. */
export function reportLines(name: string, kind: Kind, tally: Tally): string[] {
  const { outcomes } = tally
  return [
    `${name}: ${tally.streams} ${kind}s`,
    `  whole ${outcomes.whole}, ended by an error ${outcomes.ended} (${listed(tally.codes)}), gone on with from a cursor ${tally.resumed}`,
    `  hung ${outcomes.hung}, false success ${outcomes['false success']}`,
    `  delivered ${tally.delivered}, lost ${tally.lost}, said to be lost ${tally.toldLost}, repeated ${tally.repeated}, out of order ${tally.disordered}`,
    `  requests ${tally.requests}${kind === 'run' ? `, POSTs ${tally.posts}, generated again ${tally.generatedAgain}` : ''}`,
    `  faults survived ${sum(tally.survived)}: ${listed(tally.survived)}`,
    `  promises broken ${tally.breached}`,
  ]
}

/** A table of what became of one kind of stream, a row for each client. */
export function table(kind: Kind, rows: readonly { name: string; tally: Tally }[]): string {
  const figures: Record<string, (tally: Tally) => string | number> = {
    streams: ({ streams }) => streams,
    whole: ({ outcomes }) => outcomes.whole,
    'ended by an error': ({ outcomes }) => outcomes.ended,
    hung: ({ outcomes }) => outcomes.hung,
    'whole by its own word only': ({ outcomes }) => outcomes['false success'],
    lost: ({ lost }) => lost,
    repeated: ({ repeated }) => repeated,
    'out of order': ({ disordered }) => disordered,
    ...(kind === 'run' && {
      'POSTs per whole answer': ({ posts, outcomes }: Tally) => (posts / outcomes.whole).toFixed(2),
      'generations per whole answer': ({ generatedAgain, outcomes }: Tally) =>
        (1 + generatedAgain / outcomes.whole).toFixed(2),
    }),
  }
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  return [
    line([kind === 'run' ? 'runs of 500 deltas' : 'feeds of 2,000 events', ...Object.keys(figures)]),
    line(['---', ...Object.keys(figures).map(() => '---:')]),
    ...rows.map(({ name, tally }) =>
      line([name, ...Object.values(figures).map((figure) => figure(tally).toLocaleString('en'))]),
    ),
  ].join('\n')
}

/** The page that keeps the figures. */
export function page(seeds: number, tables: readonly string[], survived: ReadonlyMap<string, number>): string {
  return `# Chaos: the same faults for everybody

Written by \`npm run chaos -- --peers --write\` (Node ${process.versions.node}, ${seeds} seeds for each client and kind of stream). A seed is a schedule: what a TCP proxy between client and mock server does to the n-th connection (cuts by reset and by end, in heads, chunk heads,
characters and anywhere, silence, refusal, delay, bytes one by one), what the server does to the n-th request (refusals with and without \`Retry-After\`, cuts, stalls, answers that get lost, replays that begin too early), and when it restarts, with its log or without. \`test/chaos/\` has it all.

A stream is *whole* when each event came once and in order; one in five schedules of runs can't end so, nor one in fourteen of feeds, and each says by which error. *Hung*: nothing new for 6 s (ours: 15 s), or asking for ever. *Whole by its own word only*: it said that all was well, and events were missing. *Lost*: events that were passed over without a word.
POSTs and generations are those of whole answers alone: \`eventsource\` can only GET, and over a carrier each operation is a POST; a generation too many of ours is that of a server that had forgotten the first one before it said so. Ours go on from cursors where they give up, or are left, now and then.
Peers are used as their documentation has it, retrying as they do by themselves but sooner (\`onerror: () => 5\`, \`retry: 5\`). Neither has a timeout for silence, so that each half-open connection hangs; ours had three missing heartbeats, or \`idleTimeout\`.

${tables.join('\n\n')}

Faults that whole streams of ours got over: ${sum(survived).toLocaleString('en')}. ${listed(survived)}.
`
}
