/** Importing the package and creating a client works on a server without browser globals. */
import { execFileSync } from 'node:child_process'
import { expect, inject, test } from 'vitest'

test('importing the package and creating a client access no browser global', () => {
  const { folder } = inject('consumer')
  const output = execFileSync(process.execPath, ['server/render.js'], { cwd: folder, encoding: 'utf8' })
  expect(JSON.parse(output)).toEqual({ trapsWork: true, accessed: [] })
})
