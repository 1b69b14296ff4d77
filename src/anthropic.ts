/** Entry `rivulet/anthropic`: the protocol of Anthropic's Messages API. */
export type { Block, Delta, Message, TextBlock, ToolCall, Usage } from './message/message.ts'
export type { ArgumentsParser, MessageOptions } from './message/reduce.ts'
export { anthropic } from './protocols/anthropic.ts'
