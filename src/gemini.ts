/** Entry `rivulet/gemini`: the protocol of Gemini. */
export type { Block, Delta, Message, TextBlock, ToolCall, Usage } from './message/message.ts'
export type { ArgumentsParser, MessageOptions } from './message/reduce.ts'
export { gemini } from './protocols/gemini.ts'
