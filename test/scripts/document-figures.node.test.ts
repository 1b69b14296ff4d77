/** `fillFigures` fills in every mark in a document, and throws for a mark without a figure. */
import { expect, test } from 'vitest'
import { fillFigures } from '../../scripts/document-figures.mjs'

test('every mark is filled with its figure, and the rest of the text is unchanged', () => {
  const text = 'core <!-- size:core -->1 kB<!-- /size -->, OpenAI <!-- size:openai --><!-- /size -->, <!-- other -->'
  expect(fillFigures(text, 'size', { core: '5.4 kB', openai: '0.3 kB' })).toBe(
    'core <!-- size:core -->5.4 kB<!-- /size -->, OpenAI <!-- size:openai -->0.3 kB<!-- /size -->, <!-- other -->',
  )
})

test('figures of another kind are unchanged', () => {
  const text = 'rivulet <!-- size:core -->1 kB<!-- /size -->, others <!-- peer:eventsource -->3 kB<!-- /peer -->'
  expect(fillFigures(text, 'peer', { eventsource: '3.7 kB' })).toBe(
    'rivulet <!-- size:core -->1 kB<!-- /size -->, others <!-- peer:eventsource -->3.7 kB<!-- /peer -->',
  )
})

test('fillFigures throws for a mark without a figure', () => {
  expect(() => fillFigures('<!-- size:react -->1 kB<!-- /size -->', 'size', { core: '5.4 kB' })).toThrow('size:react')
})
