/** `deltasOf`: the streaming response of a model's vendor as the deltas of a run. */
import type { Protocol, Step } from '../../src/protocols/protocol.ts'
import type { Block } from '../../src/sse/parse.ts'
import { createBlockParser } from '../../src/sse/parse.ts'
import type { Delta, End, FinishReason, Usage } from './delta.ts'
import { RunError } from './delta.ts'

/** Statuses of a vendor after which another attempt can succeed. */
const RETRYABLE_STATUSES = new Set([408, 425, 429, 500, 502, 503, 504, 529])
/** Reasons of vendors that have another name in the protocol. */
const FINISH_REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool-calls',
  tool_calls: 'tool-calls',
  'content-filter': 'content-filter',
  content_filter: 'content-filter',
  paused: 'paused',
  error: 'error',
  cancelled: 'cancelled',
}

const truncated = (cause?: unknown): RunError =>
  new RunError('upstream-truncated', 'The answer of the model ended early.', { retryable: true, cause })

/** Returns the usage in the words of the protocol; `undefined` if it has none of the known forms. */
function toUsage(usage: unknown): Usage | undefined {
  const fields = Object(usage) as Readonly<Record<string, unknown>>
  // What the vendor has sent beside the counts stays on the server.
  const { raw: _, ...counts } = fields
  if (typeof fields['inputTokens'] === 'number') return counts as unknown as Usage
  const { prompt_tokens: inputTokens, completion_tokens: outputTokens } = fields
  return typeof inputTokens === 'number' && typeof outputTokens === 'number' ? { inputTokens, outputTokens } : undefined
}

function toEnd({ finishReason, rawFinishReason, usage }: Extract<Step<unknown>, { type: 'end' }>): End {
  const known = FINISH_REASONS[finishReason ?? 'stop'] ?? 'stop'
  const raw = rawFinishReason ?? (finishReason === known ? undefined : finishReason)
  return { finishReason: known, rawFinishReason: raw, usage: toUsage(usage) }
}

/** Maps the blocks of a response to its deltas and its end. */
class UpstreamDecoder<D, State> {
  /** Set by the end of the answer. */
  end: End | undefined
  readonly #protocol: Protocol<D, State>
  readonly #state: State

  constructor(protocol: Protocol<D, State>) {
    this.#protocol = protocol
    this.#state = protocol.begin?.() as State
  }

  /**
   * Returns the deltas of a block: those of a message as they are, of other protocols the text.
   * @throws RunError if the vendor reports an error, or the block is not valid
   */
  decode({ type, data, id = '' }: Block): Delta[] {
    if (data === undefined || this.end) return []
    const deltas: Delta[] = []
    for (const step of this.#map({ type, data, id })) {
      if (step.type === 'error') {
        // The words of the vendor may contain parts of a key.
        const cause = new Error(step.message)
        throw new RunError(step.code ?? 'upstream', 'The model reported an error.', {
          retryable: step.retryable ?? false,
          cause,
        })
      }
      if (step.type === 'end') this.end = toEnd(step)
      // A protocol that makes a message has the deltas of PROTOCOL.md 3.6.
      if (step.type === 'delta')
        deltas.push(this.#protocol.reduce ? (step.delta as Delta) : (this.#protocol.text?.(step.delta) ?? ''))
    }
    return deltas.filter((delta) => delta !== '')
  }

  /** Ends the answer if the end of the response is that of the answer. */
  endOfInput(): End | undefined {
    const { eof } = this.#protocol
    if (typeof eof !== 'function') return eof === 'end' ? {} : undefined
    const end = eof(this.#state)
    return end && toEnd({ type: 'end', ...end })
  }

  #map(event: { type: string; data: string; id: string }): readonly Step<D>[] {
    try {
      const steps = this.#protocol.map(event, this.#state) ?? []
      return 'length' in steps ? steps : [steps]
    } catch (cause) {
      throw new RunError('upstream-invalid', 'The answer of the model cannot be read.', { cause })
    }
  }
}

/**
 * Yields the deltas of a vendor's streaming response, or its text if the protocol makes no message, and returns its finish
 * reason and usage: `return yield* deltasOf(…)` in `generate` makes an answer resumable. Cancels the response when the run
 * is cancelled.
 * @throws RunError if the status is not 200, the vendor reports an error, or the response ends early
 * @example
 * ```ts
 * async *generate({ body, signal }) {
 *   const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal })
 *   return yield* deltasOf(response, openaiChat())
 * }
 * ```
 */
export async function* deltasOf<D, State, Message>(
  response: Response,
  protocol: Protocol<D, State, Message>,
): AsyncGenerator<Delta, End> {
  const { status, body } = response
  if (status !== 200 || !body) {
    void body?.cancel().catch(() => undefined)
    throw new RunError('upstream', `The model answered with status ${status}.`, {
      retryable: RETRYABLE_STATUSES.has(status),
    })
  }
  const blocks: Block[] = []
  const parser = createBlockParser({ onBlock: (block) => void blocks.push(block) })
  const decoder = new UpstreamDecoder(protocol)
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw truncated(cause)
      })
      if (done) break
      parser.push(value)
      for (const block of blocks.splice(0)) yield* decoder.decode(block)
      if (decoder.end) return decoder.end
    }
  } finally {
    void reader.cancel().catch(() => undefined)
  }
  // The last block counts without its blank line if it is the end; what else it may be is not known to be whole.
  const isWhole = !parser.finish()
  try {
    for (const block of blocks) decoder.decode(block)
  } catch (cause) {
    throw truncated(cause)
  }
  const end = decoder.end ?? (isWhole ? decoder.endOfInput() : undefined)
  if (end) return end
  throw truncated()
}
