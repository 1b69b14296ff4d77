/** Entry `rivulet/openai`: the protocol of OpenAI, and of servers with a compatible API. */
export { openaiChat, type ChatChunk, type ChatDelta } from './protocols/openai-chat.ts'
