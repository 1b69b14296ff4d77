/** Entry `rivulet/langgraph`: the protocol of LangGraph's server. */
export type { Block, Delta, Message, TextBlock, ToolCall, Usage } from './message/message.ts'
export type { ArgumentsParser, MessageOptions } from './message/reduce.ts'
export { type LangGraphOptions, langgraph } from './protocols/langgraph.ts'
