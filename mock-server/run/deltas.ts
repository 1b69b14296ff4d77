/** Cuts an answer into deltas: per character as a reader sees it, or per token. */

type Cutter = (text: string) => string[]

/** Characters are grapheme clusters, so that a flag or a family of emoji stays whole; code points where there is no segmenter. */
export const characters: Cutter = (text) => {
  if (typeof Intl.Segmenter !== 'function') return Array.from(text)
  return Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment)
}

const SPACE = /^\s/u
const WORD = /^[\p{L}\p{M}\p{N}]/u
const IDEOGRAPH = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u

/** Tokens as models cut them, near enough: a word with the space before it, an ideograph, a mark. */
export const tokens: Cutter = (text) => {
  const found: string[] = []
  let last: 'none' | 'space' | 'word' | 'other' = 'none'
  for (const character of characters(text)) {
    const kind = SPACE.test(character) ? 'space' : IDEOGRAPH.test(character) || !WORD.test(character) ? 'other' : 'word'
    const joins = (last === 'space') || (last === 'word' && kind === 'word')
    if (joins) found[found.length - 1] += character
    else found.push(character)
    last = kind
  }
  return found
}
