/** The complete code of the script-tag page: a feed and a run with the global `Rivulet`, without modules or a build. */
;(() => {
  const { createClient, isStreamError } = Rivulet
  const client = createClient()
  const describe = (data) => data?.text ?? data?.message ?? JSON.stringify(data)
  const byId = (id) => document.getElementById(id)

  /** Returns options that show a stream's state and the error it recovers from. */
  const watch = (state, notice) => ({
    onStateChange({ status, attempt, error }) {
      state.textContent = attempt > 1 ? `${status}, attempt ${attempt}` : status
      state.dataset.status = status
      notice.textContent = status === 'waiting' ? `${error.message} (${error.code})` : ''
    },
  })

  // The feed reconnects and resumes by itself; if events may be missing, it calls `onReset`.
  const feed = client.subscribe('/api/stream', {
    ...watch(byId('feed-state'), byId('feed-notice')),
    onReset({ reason }) {
      byId('feed-notice').textContent = `Events may be missing (reset: ${reason}).`
    },
  })
  feed.onAny(({ type, data, id }) => {
    const row = document.createElement('li')
    const texts = { time: new Date().toLocaleTimeString([], { hour12: false }), type, data: describe(data) }
    for (const [name, text] of Object.entries(texts)) {
      const cell = document.createElement('span')
      cell.className = name
      cell.textContent = text // text, never markup
      row.append(cell)
    }
    const events = byId('events')
    events.prepend(row)
    if (events.childElementCount > 40) events.lastElementChild.remove()
    byId('feed-id').textContent = id || 'none'
  })

  // The run delivers one answer delta by delta, until the answer is complete or an error occurs.
  let run
  byId('form').addEventListener('submit', async (event) => {
    event.preventDefault()
    run?.detach()
    const [output, notice, stop] = [byId('answer'), byId('answer-notice'), byId('stop')]
    const prompt = new FormData(byId('form')).get('prompt')
    const current = client.stream('/api/generate', { json: { prompt }, ...watch(byId('answer-state'), notice) })
    run = current
    output.textContent = ''
    output.setAttribute('data-filled', '')
    output.setAttribute('aria-busy', 'true')
    stop.setAttribute('aria-disabled', 'false')
    let outcome
    try {
      for await (const { content } of current) output.append(content)
      const { finishReason } = await current.final()
      outcome = finishReason === 'cancelled' ? 'Stopped, also on the server.' : 'Complete.'
    } catch (error) {
      if (isStreamError(error)) outcome = `${error.message} (${error.code})`
      else if (error.name !== 'AbortError') throw error
    }
    if (run !== current) return // a new prompt has been sent in the meantime
    notice.textContent = outcome
    output.removeAttribute('aria-busy')
    stop.setAttribute('aria-disabled', 'true')
  })
  byId('stop').addEventListener('click', () => {
    // The run ends here even if the server cannot be notified.
    if (byId('stop').getAttribute('aria-disabled') === 'false') run.cancel().catch(() => {})
  })
})()
