/** All fuzz tasks. */
import { connectTasks } from './connect.ts'
import { encodeTasks } from './encode.ts'
import { parserTasks } from './parser.ts'
import { readerTasks } from './readers.ts'
import { sseTasks } from './sse.ts'
import type { FuzzTask } from './task.ts'

export const tasks: FuzzTask[] = [...sseTasks, ...parserTasks, ...readerTasks, ...connectTasks, ...encodeTasks]
