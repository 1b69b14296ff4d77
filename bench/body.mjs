/** Turns chunks into a response, for readers that accept only responses. */

export function createBody(chunks) {
  let next = 0
  return new ReadableStream(
    {
      pull(controller) {
        if (next < chunks.length) controller.enqueue(chunks[next++])
        else controller.close()
      },
    },
    { highWaterMark: 0 },
  )
}

export const createResponse = (chunks) =>
  new Response(createBody(chunks), { headers: { 'content-type': 'text/event-stream' } })
