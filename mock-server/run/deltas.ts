/** Cuts an answer into deltas: per character as a reader sees it, or per token. */

type Cutter = (text: string) => string[]

/** UTF-16 units that a segmenter is given at a time: engines take time that grows with the square of a text's length. */
const PIECE = 1_000
const HIGH_SURROGATE = /[\ud800-\udbff]/

/**
 * Characters are grapheme clusters, so that a flag or a family of emoji stays whole; code points where there is no
 * segmenter.
 */
export const characters: Cutter = (text) => {
  if (typeof Intl.Segmenter !== 'function') return Array.from(text)
  const segmenter = new Intl.Segmenter()
  const found: string[] = []
  let open = '' // the last cluster of a piece: it may go on in the next one
  for (let start = 0; start < text.length;) {
    let end = start + Math.max(PIECE, open.length)
    if (HIGH_SURROGATE.test(text.charAt(end - 1))) end++ // half a pair would be a cluster of its own
    const piece = open + text.slice(start, end)
    for (const { segment } of segmenter.segment(piece)) found.push(segment)
    start = end
    open = start < text.length ? found.pop()! : ''
  }
  return found
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
    const joins = last === 'space' || (last === 'word' && kind === 'word')
    if (joins) found[found.length - 1] += character
    else found.push(character)
    last = kind
  }
  return found
}
