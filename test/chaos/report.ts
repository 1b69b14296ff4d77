/** Figures of many streams, as lines to print and as a table of Markdown. */
import type { Kind } from './schedule.ts'
import type { Tally } from './tally.ts'

const listed = (counts: ReadonlyMap<string, number>): string =>
  [...counts].sort(([, one], [, other]) => other - one).map(([name, count]) => `${name} ${count}`).join(', ') || 'none'

const sum = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((total, count) => total + count, 0)

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
      'generations per whole answer': ({ generatedAgain, outcomes }: Tally) => (1 + generatedAgain / outcomes.whole).toFixed(2),
    }),
  }
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  return [
    line([kind === 'run' ? 'runs of 500 deltas' : 'feeds of 2,000 events', ...Object.keys(figures)]),
    line(['---', ...Object.keys(figures).map(() => '---:')]),
    ...rows.map(({ name, tally }) => line([name, ...Object.values(figures).map((figure) => figure(tally).toLocaleString('en'))])),
  ].join('\n')
}
