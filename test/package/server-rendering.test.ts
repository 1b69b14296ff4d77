/** Importing the package and making a client, on a server that has none of a browser's globals. */
import { execFileSync } from 'node:child_process'
import { expect, inject, test } from 'vitest'

test('neither touches a global of a browser', () => {
  const { folder } = inject('consumer')
  const answer = execFileSync(process.execPath, ['server/render.js'], { cwd: folder, encoding: 'utf8' })
  expect(JSON.parse(answer)).toEqual({ held: true, touched: [] })
})
