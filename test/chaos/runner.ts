/** The long chaos run: many seeds for rivulet and, with `--peers`, for other clients; started by `run.mjs`. */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type CheckResult, checkStream } from './checks.ts'
import type { ChaosClient } from './client.ts'
import { loadPeers } from './peers.ts'
import { type ServerTables, formatPage, formatReport, formatTable } from './report.ts'
import { createRivuletClient } from './rivulet-client.ts'
import { type StreamKind, drawSchedule } from './schedule.ts'
import { type StreamStats, addRecord, createStats } from './stats.ts'
import { drawThirdPartySchedule } from './third-party-schedule.ts'
import { transports } from './transports.ts'
import { runTrial } from './trial.ts'
import { SERVER_KINDS, type ServerKind } from './upstream.ts'

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    over: { type: 'string' },
    kind: { type: 'string' },
    server: { type: 'string', default: 'all' },
    parallel: { type: 'string', default: '16' },
    minutes: { type: 'string', default: '30' },
    peers: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const singleSeed = options.seed === undefined ? undefined : Number(options.seed)
const firstSeed = singleSeed ?? Number(options.from)
const seedCount = singleSeed === undefined ? Number(options.seeds) : 1
const concurrency = Number(options.parallel)
const deadlineAt = performance.now() + Number(options.minutes) * 60_000
if (!Number.isInteger(firstSeed) || !(seedCount > 0) || !(concurrency > 0) || !(deadlineAt > 0))
  throw new TypeError('--seed, --from, --seeds, --parallel and --minutes must be numbers')

/** What is run against one server. */
interface Campaign {
  readonly server: ServerKind
  readonly kinds: readonly StreamKind[]
  readonly transports: typeof transports
}
/** What is run against `server`, of what the command line selects: third-party servers have neither runs nor channels. */
const planCampaign = (server: ServerKind): Campaign => ({
  server,
  kinds: (server === 'mock' ? (['run', 'feed'] as const) : (['feed'] as const)).filter(
    (kind) => options.kind === undefined || options.kind === kind,
  ),
  transports: transports.filter(
    ({ name, needsChannel }) =>
      (server === 'mock' || !needsChannel) && (options.over === undefined || options.over === name),
  ),
})
const campaigns = SERVER_KINDS.filter((server) => options.server === 'all' || options.server === server)
  .map(planCampaign)
  .filter((campaign) => campaign.kinds.length > 0 && campaign.transports.length > 0)
if (campaigns.length === 0)
  throw new TypeError(
    `Nothing matches: --server is all, ${SERVER_KINDS.join(', ')}; --kind run (mock) or feed; --over ${transports.map(({ name }) => name).join(', ')}`,
  )
if (options.write && campaigns.length < SERVER_KINDS.length)
  throw new TypeError('--write writes the whole page, so it needs all servers')

/** Notifies the parent that this process is making progress. */
const sendProgress = (finished = false): void => void process.send?.({ finished })

let violationCount = 0
/** Number of unhandled rejections by message. Rejections caused by peers are not reported. */
const unhandledRejections = new Map<string, number>()
process.on('unhandledRejection', (reason) => {
  const message = String(reason).replace(/:\d+/g, '')
  unhandledRejections.set(message, (unhandledRejections.get(message) ?? 0) + 1)
})

function reportViolation(
  client: ChaosClient,
  server: ServerKind,
  over: string,
  seed: number,
  kind: StreamKind,
  { violations, delivered }: CheckResult,
): void {
  violationCount++
  console.log(`\n✗ seed ${seed}, ${kind} over ${client.name}, ${delivered} delivered: ${violations.join('; ')}`)
  console.log(`  replay: npm run chaos -- --seed ${seed} --kind ${kind} --over ${over} --server ${server}\n`)
}

async function runSeed(
  client: ChaosClient,
  server: ServerKind,
  seed: number,
  kind: StreamKind,
  over: string | undefined,
  stats: StreamStats,
): Promise<void> {
  const schedule = server === 'mock' ? drawSchedule(seed, kind) : drawThirdPartySchedule(seed, server)
  if (singleSeed !== undefined) console.log(JSON.stringify(schedule, undefined, 2))
  const record = await runTrial(client, schedule)
  const result = checkStream(schedule, record, client.attemptsPerFault)
  addRecord(stats, kind, record, result)
  if (singleSeed !== undefined) {
    console.log(Object.fromEntries(record.faults), record.errors, record.ending.end)
    console.log(result)
  }
  // Violations by peers count only in the statistics.
  if (over !== undefined && result.violations.length > 0) reportViolation(client, server, over, seed, kind, result)
}

/** Runs all seeds with one client, several seeds at a time. */
async function runSeeds(
  client: ChaosClient,
  { server, kinds }: Campaign,
  over?: string,
  maxConcurrency = concurrency,
): Promise<Record<StreamKind, StreamStats>> {
  const statsByKind = { run: createStats(), feed: createStats() }
  const started = performance.now()
  let next = firstSeed
  let done = 0
  await Promise.all(
    Array.from({ length: Math.min(maxConcurrency, seedCount) }, async () => {
      for (let seed = next++; seed < firstSeed + seedCount && performance.now() < deadlineAt; seed = next++) {
        for (const kind of kinds) await runSeed(client, server, seed, kind, over, statsByKind[kind])
        sendProgress()
        if (++done % 100 === 0)
          console.log(
            `${client.name}, server ${server}: ${done} of ${seedCount} seeds, ${((performance.now() - started) / 1_000).toFixed(0)} s`,
          )
      }
    }),
  )
  console.log(
    `${client.name}, server ${server}: ${done} of ${seedCount} seeds from ${firstSeed} in ${((performance.now() - started) / 1_000).toFixed(0)} s\n`,
  )
  return statsByKind
}

interface ClientResult {
  readonly client: ChaosClient
  readonly statsByKind: Record<StreamKind, StreamStats>
}

/** Runs all clients against one server. */
async function runCampaign(campaign: Campaign): Promise<ClientResult[]> {
  const results: ClientResult[] = []
  for (const transport of campaign.transports) {
    const client = createRivuletClient(transport)
    results.push({ client, statsByKind: await runSeeds(client, campaign, transport.name) })
  }
  for (const [message, times] of unhandledRejections) {
    violationCount++
    console.log(`✗ unhandled rejection, ${times} times: ${message}`)
  }
  // Many streams of peers hang, which costs time but no CPU, so more of them run concurrently.
  if (options.peers)
    for (const client of await loadPeers())
      results.push({ client, statsByKind: await runSeeds(client, campaign, undefined, 4 * concurrency) })
  unhandledRejections.clear()
  return results
}

const survivedFaults = new Map<string, number>()
const tables: ServerTables[] = []
for (const campaign of campaigns) {
  const { server, kinds } = campaign
  const results = await runCampaign(campaign)
  for (const { client, statsByKind } of results) {
    for (const kind of kinds) {
      console.log(`${formatReport(client.name, kind, statsByKind[kind]).join('\n')}\n`)
      if (!client.name.startsWith('rivulet')) continue
      for (const [fault, times] of statsByKind[kind].survivedFaults)
        survivedFaults.set(fault, (survivedFaults.get(fault) ?? 0) + times)
    }
  }
  const tablesOfServer = kinds.map((kind) =>
    formatTable(
      kind,
      server,
      results.map(({ client, statsByKind }) => ({ name: client.name, stats: statsByKind[kind] })),
    ),
  )
  console.log(`Server ${server}\n\n${tablesOfServer.join('\n\n')}\n`)
  tables.push({ server, tables: tablesOfServer })
}
if (options.write) writeFileSync('bench/CHAOS.md', formatPage(seedCount, tables, survivedFaults))
console.log(`${violationCount} violations`)
sendProgress(true)
// Do not wait for the keep-alive sockets of `fetch`.
process.exit(violationCount > 0 ? 1 : 0)
