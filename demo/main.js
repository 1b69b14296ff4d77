/** The page's parts, on one client. */
import { createClient } from 'rivulet'
import { startAnswer } from './answer.js'
import { startFaults } from './faults.js'
import { startFeed } from './feed.js'
import { startRuns } from './runs.js'

/** Shorter delays than the defaults: who breaks the server here wants to see it mended. */
const client = createClient({ retry: { delay: 600, maxDelay: 6_000 } })

startFeed(document.getElementById('feed'), client)
startAnswer(document.getElementById('answer'), client, 'tokens,delay:160,heartbeat:2000')
startRuns(document.getElementById('runs'), client, document.getElementById('run'))
startFaults(document.getElementById('faults'))
