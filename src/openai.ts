/** Entry `rivulet/openai`: the protocol of OpenAI, and of servers with a compatible API. */
export type { Block, Delta, Message, TextBlock, ToolCall, Usage } from './message/message.ts'
export type { ArgumentsParser, MessageOptions } from './message/reduce.ts'
export { openaiChat } from './protocols/openai-chat.ts'
export { openaiResponses } from './protocols/openai-responses.ts'
