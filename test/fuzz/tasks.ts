/** All properties that are fuzzed. */
import { connectTasks } from './connect.ts'
import { encodeTasks } from './encode.ts'
import { parserTasks } from './parser.ts'
import { readerTasks } from './readers.ts'
import type { Task } from './task.ts'
import { wireTasks } from './sse.ts'

export const tasks: Task[] = [...wireTasks, ...parserTasks, ...readerTasks, ...connectTasks, ...encodeTasks]
