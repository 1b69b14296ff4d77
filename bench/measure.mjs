/** What runs beside one adapter, in its process or page: makes a cell, reads it, and checks the events. */
import { createCell, createChecksum } from './corpora.mjs'

/** Long enough that clocks of a microsecond and single collections of garbage do not decide. */
const sampleMs = 60
const slowUs = 800_000

/**
 * @param adapter the module under measurement
 * @param cpu microseconds of CPU this process (page) has used; may be async
 */
export function createMeter(adapter, cpu) {
  const cells = new Map()

  const pass = async (cell) => {
    const checksum = createChecksum(adapter.fields)
    const reading = adapter.read(cell.chunks, checksum.take, cell.texts)
    // No microtask for readers that are synchronous.
    if (reading) await reading
    return checksum.value()
  }

  /** Makes the cell, warms the adapter up on it, and finds how many passes make a sample. */
  const prepare = async (name, chunking, warmMs) => {
    const cell = createCell(name, chunking)
    const before = await cpu()
    const got = await pass(cell)
    const once = (await cpu()) - before
    const right = adapter.checks === false || got === cell.expected(adapter.fields)
    if (once > slowUs) {
      // Readers that are quadratic would take hours: one pass says enough.
      cells.set(`${name}/${chunking}`, { once })
      return { right, got, expected: cell.expected(adapter.fields), size: cell.size }
    }
    // Engines compile on other threads while this one goes on in slower code: give them time.
    for (const from = performance.now(); performance.now() - from < warmMs;) await pass(cell)
    const from = performance.now()
    let passes = 0
    do {
      await pass(cell)
      passes++
    } while (performance.now() - from < sampleMs)
    cells.set(`${name}/${chunking}`, { ...cell, passes, right: right ? got : false })
    return { right, got, expected: cell.expected(adapter.fields), size: cell.size }
  }

  /** Microseconds of CPU per pass, and the passes' events checked: throws where a pass did not give the events it must. */
  const sample = async (name, chunking) => {
    const cell = cells.get(`${name}/${chunking}`)
    if (cell.once) return cell.once
    const from = await cpu()
    let got
    for (let i = 0; i < cell.passes; i++) {
      got = await pass(cell)
      if (cell.right && got !== cell.right)
        throw new Error(`Wrong events: ${name}/${chunking}: ${got}, not ${cell.right}`)
    }
    return ((await cpu()) - from) / cell.passes
  }

  /** Frees a cell that is done with. */
  const drop = (name, chunking) => void cells.delete(`${name}/${chunking}`)

  return { prepare, sample, drop }
}
