/** Uses the mock entries, as the author of a Node test would. */
import { handlers } from 'rivulet/msw'
import { createMock } from 'rivulet/mock'
import { startMockServer } from 'rivulet/mock-server'
import { setupServer } from 'msw/node'

export async function serve(): Promise<string> {
  const server = await startMockServer({ port: 0 })
  const { url } = server
  await server.close()
  return url
}

export const intercepted = setupServer(...handlers(createMock()))
