/** Entry `rivulet/ai-sdk`: the protocol of the AI SDK's UI message stream. */
export type { Block, Delta, Message, TextBlock, ToolCall, Usage } from './message/message.ts'
export type { ArgumentsParser, MessageOptions } from './message/reduce.ts'
export { type AiSdkOptions, aiSdk } from './protocols/ai-sdk.ts'
