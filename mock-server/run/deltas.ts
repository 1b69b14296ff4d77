/** Splits an answer into deltas: user-perceived characters, or tokens. */

type SplitText = (text: string) => string[]

/** UTF-16 code units per segmenter call: the segmenter's run time grows with the square of the text's length. */
const MAX_SEGMENT_CHARS = 1_000
const HIGH_SURROGATE = /[\ud800-\udbff]/

/**
 * Splits text into grapheme clusters, so that a flag or an emoji sequence stays whole. On platforms without
 * `Intl.Segmenter`, splits it into code points.
 */
export const splitCharacters: SplitText = (text) => {
  if (typeof Intl.Segmenter !== 'function') return Array.from(text)
  const segmenter = new Intl.Segmenter()
  const parts: string[] = []
  let openCluster = '' // the last cluster of a piece, which may continue in the next one
  for (let start = 0; start < text.length;) {
    let end = start + Math.max(MAX_SEGMENT_CHARS, openCluster.length)
    if (HIGH_SURROGATE.test(text.charAt(end - 1))) end++ // half a surrogate pair would become a cluster of its own
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

/** Splits text roughly as models do: a word with the space before it, an ideograph, a punctuation mark. */
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
