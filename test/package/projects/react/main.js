/** A component that subscribes in an effect and closes in its cleanup, mounted in strict mode, which runs the effect twice. */
import { createElement, StrictMode, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { createClient } from 'rivulet'

const client = createClient({ baseUrl: location.origin })
window.effects = 0

function Feed() {
  const [state, setState] = useState('waiting')
  useEffect(() => {
    window.effects++
    const feed = client.subscribe('/api/stream')
    feed.on('connected', () => setState('connected'))
    return () => feed.close()
  }, [])
  return createElement('p', { id: 'state' }, state)
}

createRoot(document.getElementById('root')).render(createElement(StrictMode, null, createElement(Feed)))
