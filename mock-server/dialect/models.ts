/** `GET /v1/models`, in the format of OpenAI's API, or of Anthropic's if the request has its version header. */
import type { Handler } from '../http/exchange.ts'
import { jsonResponse } from '../http/response.ts'

const MODEL = 'rivulet-mock'
const CREATED_SECONDS = 1_767_225_600

const openaiModel = { id: MODEL, object: 'model', created: CREATED_SECONDS, owned_by: 'rivulet' }
const anthropicModel = {
  type: 'model',
  id: MODEL,
  display_name: 'Rivulet mock',
  created_at: new Date(CREATED_SECONDS * 1_000).toISOString(),
}

/** Lists the only model. Requests for answers may name any other. */
export const listModels: Handler = ({ request }) =>
  request.headers.has('anthropic-version')
    ? jsonResponse(200, { data: [anthropicModel], has_more: false, first_id: MODEL, last_id: MODEL })
    : jsonResponse(200, { object: 'list', data: [openaiModel] })
