/** What a run answers: from an answer book, or made up from the prompt and a seed. */
import { createRandom, hashText } from '../base/random.ts'

/** Answers by prompt (`*` for any other prompt), or a list that is gone through and begun again. */
export type CannedAnswers = Readonly<Record<string, string>> | readonly string[]

/** The answer to a prompt. */
export type GenerateAnswer = (prompt: string) => string

const openings = ['You asked:', 'Here is what came of', 'A short answer to', 'Let us look at']
const sentences = [
  'Events arrive one after the other, and each has its place.',
  'What was lost on the way is asked for again.',
  'A stream that ends early is an interruption, never a success.',
  'Nothing is sent twice, and nothing is left out.',
  'Heartbeats keep the line warm while nobody speaks.',
  'The network is bad on some days; the answer does not have to be.',
  'A cursor remembers where we were.',
  'Slow readers are waited for, up to a point.',
]

/** The made-up answer: the same for the same prompt and seed. */
export function createSampleAnswer(prompt: string, seed: number): string {
  const random = createRandom(seed ^ hashText(prompt))
  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)]!
  const remaining = [...sentences]
  const body: string[] = []
  for (let count = 2 + Math.floor(random() * 3); count > 0; count--) {
    body.push(...remaining.splice(Math.floor(random() * remaining.length), 1))
  }
  return `${pick(openings)} “${prompt}” ${body.join(' ')}`
}

/** Parses an answer book out of JSON. Throws `TypeError` with what was expected. */
export function parseCannedAnswers(value: unknown): CannedAnswers {
  const expected = 'answers: expected an object of prompt → text, or a list of texts'
  if (typeof value !== 'object' || value === null) throw new TypeError(expected)
  const texts: unknown[] = Object.values(value)
  if (texts.length === 0) throw new TypeError(`${expected}, with at least one`)
  const invalidIndex = texts.findIndex((text) => typeof text !== 'string')
  if (invalidIndex >= 0)
    throw new TypeError(`${expected}; ${JSON.stringify(Object.keys(value)[invalidIndex])} is not a text`)
  return value as CannedAnswers
}

/** Looks answers up in `book`, and makes up what is not in it. */
export function createAnswerGenerator(cannedAnswers: CannedAnswers | undefined, seed: number): GenerateAnswer {
  if (!cannedAnswers) return (prompt) => createSampleAnswer(prompt, seed)
  if (Array.isArray(cannedAnswers)) {
    let next = 0
    return () => (cannedAnswers as readonly string[])[next++ % cannedAnswers.length]!
  }
  const answersByPrompt = new Map(Object.entries(cannedAnswers))
  return (prompt) => answersByPrompt.get(prompt) ?? answersByPrompt.get('*') ?? createSampleAnswer(prompt, seed)
}
