/** Uses the entries other than the main one that need neither Node nor MSW. */
import { diagnose } from 'rivulet/diagnostics'
import { EventSource } from 'rivulet/event-source'
import { fetchEventSource } from 'rivulet/fetch-event-source'
import { createMock } from 'rivulet/mock'
import { multiplex } from 'rivulet/multiplex'
import { openaiChat } from 'rivulet/openai'
import { parseEventStream } from 'rivulet/parser'
import { persist } from 'rivulet/persist'
import { shareAcrossTabs } from 'rivulet/share'

export const used = [
  diagnose,
  fetchEventSource,
  createMock,
  multiplex,
  openaiChat,
  parseEventStream,
  persist,
  shareAcrossTabs,
]

const source = new EventSource('http://localhost/', { headers: { 'x-own': '1' } })
source.addEventListener('price', ({ data, lastEventId }) => console.log(data, lastEventId satisfies string))
