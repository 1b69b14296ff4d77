/** Writes RESULTS.md section by section, so that each part of the benchmark can run alone. */
import { readFile, writeFile } from 'node:fs/promises'

const file = new URL('RESULTS.md', import.meta.url)

/** Replaces the section with this title in `text`, or appends it. */
export function replaceSection(text, title, body) {
  const sections = text
    .split(/^(?=# )/m)
    .map((section) => section.trim())
    .filter(Boolean)
  const section = `# ${title}\n\n${body.trim()}`
  const at = sections.findIndex((other) => other.startsWith(`# ${title}\n`))
  if (at < 0) sections.push(section)
  else sections[at] = section
  return `${sections.join('\n\n')}\n`
}

export async function writeSection(title, body) {
  await writeFile(file, replaceSection(await readFile(file, 'utf8').catch(() => ''), title, body))
}
