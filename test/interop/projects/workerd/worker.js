/** A worker that runs the function that the path of a request names, with the URL of the tests' server. */
import { program } from 'program'

/** Resolves with what this compatibility date does differently from the standard. */
async function findDifferences(url) {
  const hasCacheOption = 'cache' in Request.prototype
  let callsHandlers = false
  const target = Object.assign(new EventTarget(), { onprobe: () => (callsHandlers = true) })
  target.dispatchEvent(new Event('probe'))
  const response = await fetch(`${url}/redirect`, { headers: { authorization: 'SECRET' } })
  await response.body.cancel()
  return { hasCacheOption, callsHandlers, hasLocation: 'location' in globalThis }
}

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    const run = { ...program, findDifferences }[pathname.slice(1)]
    return Response.json(await run(searchParams.get('url')))
  },
}
