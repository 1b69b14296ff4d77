/** Uses the mock entries, as the author of a Node test would. */
import { setupServer } from 'msw/node'
import { createMock } from 'rivulet/mock'
import { startMockServer } from 'rivulet/mock-server'
import { handlers } from 'rivulet/msw'

export async function serve(): Promise<string> {
  const server = await startMockServer({ port: 0 })
  const { url } = server
  await server.close()
  return url
}

export const intercepted = setupServer(...handlers(createMock()))
