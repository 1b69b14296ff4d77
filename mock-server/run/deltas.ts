/** Cuts an answer into deltas: per character as a reader sees it, or per token. */

type SplitText = (text: string) => string[]

/** UTF-16 units that a segmenter is given at a time: engines take time that grows with the square of a text's length. */
const MAX_SEGMENT_CHARS = 1_000
const HIGH_SURROGATE = /[\ud800-\udbff]/

/**
 * Characters are grapheme clusters, so that a flag or a family of emoji stays whole; code points where there is no
 * segmenter.
 */
export const splitCharacters: SplitText = (text) => {
  if (typeof Intl.Segmenter !== 'function') return Array.from(text)
  const segmenter = new Intl.Segmenter()
  const parts: string[] = []
  let openCluster = '' // the last cluster of a piece: it may go on in the next one
  for (let start = 0; start < text.length;) {
    let end = start + Math.max(MAX_SEGMENT_CHARS, openCluster.length)
    if (HIGH_SURROGATE.test(text.charAt(end - 1))) end++ // half a pair would be a cluster of its own
    const piece = openCluster + text.slice(start, end)
    for (const { segment } of segmenter.segment(piece)) parts.push(segment)
    start = end
    openCluster = start < text.length ? parts.pop()! : ''
  }
  return parts
}

const SPACE = /^\s/u
const WORD = /^[\p{L}\p{M}\p{N}]/u
const IDEOGRAPH = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u

/** Tokens as models cut them, near enough: a word with the space before it, an ideograph, a mark. */
export const splitTokens: SplitText = (text) => {
  const parts: string[] = []
  let lastKind: 'none' | 'space' | 'word' | 'other' = 'none'
  for (const character of splitCharacters(text)) {
    const kind = SPACE.test(character) ? 'space' : IDEOGRAPH.test(character) || !WORD.test(character) ? 'other' : 'word'
    const joinsPrevious = lastKind === 'space' || (lastKind === 'word' && kind === 'word')
    if (joinsPrevious) parts[parts.length - 1] += character
    else parts.push(character)
    lastKind = kind
  }
  return parts
}
