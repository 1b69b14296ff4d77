/** Runs the checks in a worker, with the servers that the body of the request names. */
import { runChecks } from './smoke.js'

export default {
  async fetch(request) {
    return Response.json(await runChecks(await request.json()))
  },
}
