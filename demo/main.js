/** Starts the sections of the main page, which share one client. */
import { createClient } from 'rivulet'
import { startAnswer } from './answer.js'
import { startFaults } from './faults.js'
import { startFeed } from './feed.js'
import { startRuns } from './runs.js'

/** Retries sooner than by default, so that visitors see the streams recover. */
const client = createClient({ retry: { delay: 600, maxDelay: 6_000 } })

startFeed(document.getElementById('feed'), client)
startAnswer(document.getElementById('answer'), client, 'tokens,delay:160,heartbeat:2000')
startRuns(document.getElementById('runs'), client, document.getElementById('run'))
startFaults(document.getElementById('faults'))
