/** Request bodies are read as text up to a limit, also where requests do not expose a stream. */
import { describe, expect, test } from 'vitest'
import { readBody } from '../../../server/http/body.ts'

/** A request whose platform reads bodies but has no `Request.prototype.body`, as in Firefox. */
function withoutBodyProperty(request: Request): Request {
  return Object.defineProperty(request, 'body', { value: undefined })
}

describe.each([
  ['with a stream', (request: Request) => request],
  ['without the property `body`', withoutBodyProperty],
])('a request %s', (_title, prepare) => {
  const post = (body: BodyInit): Request => prepare(new Request('http://a.test/', { method: 'POST', body }))

  test('readBody resolves with the text', async () => {
    expect(await readBody(post('日本'), 6)).toBe('日本')
    expect(await readBody(post(''), 6)).toBe('')
  })

  test('readBody resolves with an empty text if there is no body', async () => {
    expect(await readBody(prepare(new Request('http://a.test/')), 6)).toBe('')
  })

  test('readBody rejects with 413 if the body exceeds the limit', async () => {
    await expect(readBody(post('日本'), 5)).rejects.toMatchObject({ status: 413 })
  })

  test('readBody rejects with 400 if the body is not UTF-8', async () => {
    await expect(readBody(post(new Uint8Array([0xff])), 5)).rejects.toMatchObject({ status: 400 })
  })
})
