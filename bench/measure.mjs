/** Measures one adapter, in its process or page: creates the cells, reads them, and checks the events. */
import { createCell, createChecksum } from './corpora.mjs'

/** Duration of a sample: long enough to average out clock resolution and single garbage collections. */
const SAMPLE_MS = 60
/** A cell is measured only once if a pass takes longer than this. */
const SLOW_PASS_US = 800_000

/**
 * @param adapter the adapter's module
 * @param cpu returns the CPU time that this process or page has used, in microseconds; may be async
 */
export function createMeter(adapter, cpu) {
  const cells = new Map()

  const pass = async (cell) => {
    const checksum = createChecksum(adapter.fields)
    const reading = adapter.read(cell.chunks, checksum.take, cell.texts)
    // Await only promises, so that synchronous readers do not pay for a microtask.
    if (reading) await reading
    return checksum.value()
  }

  /** Creates the cell, warms the adapter up on it, and determines how many passes make a sample. */
  const prepare = async (name, chunking, warmMs) => {
    const cell = createCell(name, chunking)
    const before = await cpu()
    const got = await pass(cell)
    const once = (await cpu()) - before
    const right = adapter.checks === false || got === cell.expected(adapter.fields)
    if (once > SLOW_PASS_US) {
      // Quadratic readers would take hours, so one pass must suffice.
      cells.set(`${name}/${chunking}`, { once })
      return { right, got, expected: cell.expected(adapter.fields), size: cell.size }
    }
    // Engines optimize on other threads while slower code keeps running, so warm up for some time.
    for (const from = performance.now(); performance.now() - from < warmMs;) await pass(cell)
    const from = performance.now()
    let passes = 0
    do {
      await pass(cell)
      passes++
    } while (performance.now() - from < SAMPLE_MS)
    cells.set(`${name}/${chunking}`, { ...cell, passes, right: right ? got : false })
    return { right, got, expected: cell.expected(adapter.fields), size: cell.size }
  }

  /** Returns the CPU time per pass in microseconds; throws if a pass produced wrong events. */
  const sample = async (name, chunking) => {
    const cell = cells.get(`${name}/${chunking}`)
    if (cell.once) return cell.once
    const from = await cpu()
    let got
    for (let i = 0; i < cell.passes; i++) {
      got = await pass(cell)
      if (cell.right && got !== cell.right)
        throw new Error(`Wrong events in ${name}/${chunking}: checksum ${got} instead of ${cell.right}`)
    }
    return ((await cpu()) - from) / cell.passes
  }

  /** Frees a cell. */
  const drop = (name, chunking) => void cells.delete(`${name}/${chunking}`)

  return { prepare, sample, drop }
}
