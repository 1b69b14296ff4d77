/** The long run: many seeds, for ours and, where wanted, for its peers; `run.mjs` starts it. */
import { runTrial } from './trial.ts'
import { drawSchedule } from './schedule.ts'
import { judge } from './verdict.ts'
import { ours, subjects } from './subjects.ts'
const from = Number(process.argv[2] ?? 1), to = Number(process.argv[3] ?? from)
const t = performance.now()
let next = from
const pending = new Map<string, number>()
setInterval(() => { for (const [k, t] of pending) if (performance.now() - t > 30000) console.log('STUCK', k) }, 15000).unref()
await Promise.all(Array.from({length: 16}, async () => {
  for (let seed = next++; seed <= to; seed = next++) for (const kind of ['run', 'feed'] as const) {
    const s = drawSchedule(seed, kind)
    const t0 = performance.now(); pending.set(seed+kind, t0)
    const r = await runTrial(ours(subjects[0]!), s)
    pending.delete(seed+kind)
    const v = judge(s, r)
    const dt = performance.now() - t0
    if (from === to) { console.log(JSON.stringify(s, null, 1)); console.log(r.errors, r.ending, r.faults) }
    if (v.breaches.length || from === to) console.log(seed, kind, s.fate, s.consumer, dt|0, JSON.stringify(v), r.posts, r.requests, r.runs)
  }
}))
console.log('took', performance.now() - t | 0)
