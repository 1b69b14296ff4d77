/** Entry `rivulet/ag-ui`: the AG-UI protocol between agents and user interfaces. */
export type { Block, Delta, Message, TextBlock, ToolCall, Usage } from './message/message.ts'
export type { ArgumentsParser, MessageOptions } from './message/reduce.ts'
export { agUi } from './protocols/ag-ui.ts'
