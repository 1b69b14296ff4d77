/** Starts the page “Two processes”. */
import { createClient } from 'rivulet'
import { startProcessAnswer } from './process-answer.js'
import { startProcessFeed } from './process-feed.js'
import { createProcessList } from './process-list.js'

const section = (id) => document.getElementById(id)

/** Retries sooner than by default, so that visitors see the streams recover. */
const client = createClient({ retry: { delay: 300, maxDelay: 2_000 } })
const list = createProcessList(section('processes'), section('kill'), section('process'), client)
startProcessFeed(section('feed'), client, list)
startProcessAnswer(section('answer'), client, list)
