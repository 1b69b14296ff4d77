/** No fault and no rule of the protocol may lose its test unnoticed. */
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/** Rules of these sections of PROTOCOL.md have to have one. */
const sections = [1, 2, 3, 4, 5]

const root = fileURLToPath(new URL('../../', import.meta.url))

/** `1.1`, `1.2` …, from the numbered paragraphs of each section. */
function rulesOf(protocol: string): string[] {
  return protocol.split(/^## (?=\d+\.)/m).flatMap((text) => {
    const section = parseInt(text)
    if (!sections.includes(section)) return []
    return [...text.matchAll(/^(\d+)\. /gm)].slice(1).map(([, rule]) => `${section}.${rule}`)
  })
}

/** What the names of tests that run refer to: `F1`, `P3.2`. */
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

/** The rows of the list of faults, by their numbers. */
const faults = [...readFileSync(`${root}docs/faults.md`, 'utf8').matchAll(/^\| (\d+) \|/gm)].map(([, row]) =>
  Number(row),
)

test('all fifty faults are on the list', () => {
  expect(faults).toEqual(Array.from({ length: 50 }, (_, index) => index + 1))
})

const tags = tagsOf(`${root}test`)

test.each(faults)('fault %i has a test', (row) => {
  expect(tags).toContain(`F${row}`)
})

const rules = rulesOf(readFileSync(`${root}PROTOCOL.md`, 'utf8'))

test('the rules are found', () => {
  expect(rules).toEqual(expect.arrayContaining(['1.1', '1.6', '2.5', '3.5', '4.3', '5.6']))
})

test.each(rules)('rule %s has a test', (rule) => {
  expect(tags).toContain(`P${rule}`)
})
