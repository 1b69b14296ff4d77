/** Checks that every fault in docs/faults.md and every rule in PROTOCOL.md has a test. */
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/** The sections of PROTOCOL.md in which every rule needs a test. */
const testedSections = [1, 2, 3, 4, 5]

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Returns the rule numbers (`1.1`, `1.2` …), taken from the numbered paragraphs of each section. */
function rulesOf(protocol: string): string[] {
  return protocol.split(/^## (?=\d+\.)/m).flatMap((text) => {
    const section = parseInt(text)
    if (!testedSections.includes(section)) return []
    return [...text.matchAll(/^(\d+)\. /gm)].slice(1).map(([, rule]) => `${section}.${rule}`)
  })
}

/** Returns the tags (`F1`, `P3.2`) in the names of all tests that are not skipped. */
function tagsOf(folder: string): Set<string> {
  const tags = new Set<string>()
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.test.ts')) continue
    for (const line of readFileSync(`${folder}/${name}`, 'utf8').split('\n')) {
      if (/^\s*(\/\/|\*|\/\*)|\.(skip|todo|fails)\b/.test(line)) continue
      for (const [, tag] of line.matchAll(/\[([FP][\d.]+)\]/g)) tags.add(tag!)
    }
  }
  return tags
}

/** Row numbers of the table in docs/faults.md. */
const faults = [...readFileSync(`${root}docs/faults.md`, 'utf8').matchAll(/^\| (\d+) \|/gm)].map(([, row]) =>
  Number(row),
)

test('the table in docs/faults.md has rows 1 to 50', () => {
  expect(faults).toEqual(Array.from({ length: 50 }, (_, index) => index + 1))
})

const tags = tagsOf(`${root}test`)

test.each(faults)('fault %i has a test', (row) => {
  expect(tags).toContain(`F${row}`)
})

const rules = rulesOf(readFileSync(`${root}PROTOCOL.md`, 'utf8'))

test('rule numbers are read from PROTOCOL.md', () => {
  expect(rules).toEqual(expect.arrayContaining(['1.1', '1.6', '2.5', '3.5', '4.3', '5.6']))
})

test.each(rules)('rule %s has a test', (rule) => {
  expect(tags).toContain(`P${rule}`)
})
