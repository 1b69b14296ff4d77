/** The figures in the README: written between their marks, and never for a name that nobody measures. */
import { expect, test } from 'vitest'
import { writeFigures } from '../../scripts/size.mjs'

test('each mark has its figure, the rest of the text is left alone', () => {
  const text = 'core <!-- size:core -->1 kB<!-- /size -->, OpenAI <!-- size:openai --><!-- /size -->, <!-- other -->'
  expect(writeFigures(text, { core: '5.4 kB', openai: '0.3 kB' })).toBe(
    'core <!-- size:core -->5.4 kB<!-- /size -->, OpenAI <!-- size:openai -->0.3 kB<!-- /size -->, <!-- other -->',
  )
})

test('a mark without a budget is an error', () => {
  expect(() => writeFigures('<!-- size:react -->1 kB<!-- /size -->', { core: '5.4 kB' })).toThrow('react')
})
