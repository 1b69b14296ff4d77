/** The answers of runs: canned, or generated from the prompt and a seed. */
import { createRandom, hashText } from '../base/random.ts'
import type { Answer, AnswerPlan } from './blocks.ts'

/** Answers by prompt (`*` for any other prompt), or a list of answers to cycle through. */
export type CannedAnswers = Readonly<Record<string, string>> | readonly string[]

/** Returns the answer to a prompt. */
export type GenerateAnswer = (prompt: string) => Answer | AnswerPlan

const openings = ['You asked:', 'Here is a reply to', 'A short answer to', 'Let us look at']
const sentences = [
  'Events arrive one after another, and each has its place.',
  'Anything lost on the way is requested again.',
  'A stream that ends early is an interruption, never a success.',
  'Nothing is sent twice, and nothing is left out.',
  'Heartbeats keep the connection alive while it is idle.',
  'The network may be slow; the answer still arrives in full.',
  'A cursor remembers where the reader was.',
  'The server waits for slow readers, up to a point.',
]

/** Generates a sample answer that depends only on the prompt and the seed. */
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

/**
 * Validates canned answers that were parsed from JSON.
 * @throws `TypeError` with a message that describes the expected value
 */
export function parseCannedAnswers(value: unknown): CannedAnswers {
  const expected = 'answers: expected an object of prompt → string, or an array of strings'
  if (typeof value !== 'object' || value === null) throw new TypeError(expected)
  const texts: unknown[] = Object.values(value)
  if (texts.length === 0) throw new TypeError('answers: expected at least one answer')
  const invalidIndex = texts.findIndex((text) => typeof text !== 'string')
  if (invalidIndex >= 0)
    throw new TypeError(`${expected}; ${JSON.stringify(Object.keys(value)[invalidIndex])} is not a string`)
  return value as CannedAnswers
}

/** Creates a generator that uses canned answers, and sample answers for all other prompts. */
export function createAnswerGenerator(
  cannedAnswers: CannedAnswers | undefined,
  seed: number,
): (prompt: string) => string {
  if (!cannedAnswers) return (prompt) => createSampleAnswer(prompt, seed)
  if (Array.isArray(cannedAnswers)) {
    let next = 0
    return () => (cannedAnswers as readonly string[])[next++ % cannedAnswers.length]!
  }
  const answersByPrompt = new Map(Object.entries(cannedAnswers))
  return (prompt) => answersByPrompt.get(prompt) ?? answersByPrompt.get('*') ?? createSampleAnswer(prompt, seed)
}
