/** The dialects by name, and where vendors serve them. Loaded by every mock, unlike the dialects themselves. */

/** Protocol of a vendor that the mock server speaks. */
export type DialectName = 'openai-chat' | 'openai-responses' | 'anthropic' | 'gemini' | 'ai-sdk' | 'ag-ui'

/** Path of each dialect: the vendor's own, where there is one. */
export const dialectPaths: Readonly<Record<DialectName, string>> = {
  'openai-chat': '/v1/chat/completions',
  'openai-responses': '/v1/responses',
  anthropic: '/v1/messages',
  gemini: '/v1beta/models',
  'ai-sdk': '/ai-sdk/chat',
  'ag-ui': '/ag-ui/agent',
}

/**
 * Validates the name of a dialect.
 * @throws `TypeError` that lists the names
 */
export function parseDialectName(value: unknown): DialectName {
  if (typeof value === 'string' && Object.hasOwn(dialectPaths, value)) return value as DialectName
  const expected = Object.keys(dialectPaths).join(', ')
  throw new TypeError(`dialect: expected one of ${expected}, got ${JSON.stringify(value)}`)
}
