/** Entry `rivulet/openai`: streams of OpenAI and of servers that speak its format. */
export { openaiChat, type ChatChunk, type ChatDelta } from './protocols/openai-chat.ts'
