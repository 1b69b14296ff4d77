/** The call that an answer must have because the request requires one. */
import { HttpError } from '../../server/http/problem.ts'
import { fieldsOf } from '../../src/message/fields.ts'
import type { Answer } from '../run/blocks.ts'
import type { ModelRequest } from './dialect.ts'

const MAX_DEPTH = 8

/** Returns a value that satisfies a simple JSON Schema: its default, its first choice, or an empty value of its type. */
function sampleOf(schema: unknown, depth = 0): unknown {
  const { default: value, const: constant, enum: choices, type, properties, required, anyOf } = fieldsOf(schema)
  if (value !== undefined) return value
  if (constant !== undefined) return constant
  if (Array.isArray(choices)) return choices[0]
  if (Array.isArray(anyOf)) return sampleOf(anyOf[0], depth + 1)
  const kind = String(Array.isArray(type) ? type[0] : type).toLowerCase()
  if (kind === 'string') return 'sample'
  if (kind === 'number' || kind === 'integer') return 1
  if (kind === 'boolean') return true
  if (kind === 'array') return []
  if (kind === 'null') return null
  if (depth >= MAX_DEPTH) return {}
  const names = Array.isArray(required) ? required.map(String) : []
  const members = Object.entries(fieldsOf(properties)).filter(([name]) => names.includes(name))
  return Object.fromEntries(members.map(([name, member]) => [name, sampleOf(member, depth + 1)]))
}

/**
 * Returns the answer to a request that may require a tool call. An answer that calls a tool stays as it is.
 * @throws `HttpError` 400 if the request requires a tool that it does not offer
 */
export function withRequiredTool(answer: Answer, { requiredTool, tools = [] }: ModelRequest): Answer {
  if (!requiredTool) return answer
  const { name } = requiredTool
  const tool = name === undefined ? tools[0] : tools.find((offered) => offered.name === name)
  if (!tool) throw new HttpError(400, `Invalid value for tool_choice: ${name ?? 'a tool'} is not among the tools.`)
  if (typeof answer !== 'string' && answer.some((block) => 'tool' in block)) return answer
  return [{ tool: tool.name, input: sampleOf(tool.schema) }]
}
