/** Which IDs a header can carry, and how they are sent on platforms whose `Headers` differ. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { ConnectRequest } from '../../src/connect/connect.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import { isSendableId } from '../../src/connect/last-event-id.ts'

/** Returns the headers that `fetch` receives for this ID. */
async function sentHeaders(lastEventId: string, headers: ConnectRequest['headers'] = []): Promise<Headers> {
  let sent: Headers | undefined
  const connect = fetchConnect(async (_, init) => {
    sent = init!.headers as Headers
    return new Response(null)
  })
  const { signal } = new AbortController()
  await connect({
    url: 'https://api.test/',
    method: 'GET',
    headers,
    credentialHeaders: [],
    lastEventId,
    maxEventSize: 1_000,
    signal,
  })
  return sent!
}

const sendable = [
  '',
  '1',
  'a b',
  'a\tb',
  '日本',
  'é',
  '😀',
  '\u00a0',
  '\u0080',
  '~!"#$%&\'()*+,;:=?@[]',
  'x'.repeat(100),
]
const unsendable = [
  ' a',
  'a ',
  '\ta',
  'a\t',
  ' ',
  'a\0b',
  'a\rb',
  'a\nb',
  'a\u0001b',
  'a\u001fb',
  'a\u007fb',
  '\ud83d',
  'a\ude00b',
]

describe('an ID that a header can carry', () => {
  test.each(sendable)('%j can be sent unchanged', async (id) => {
    expect(isSendableId(id)).toBe(true)
    const sent = (await sentHeaders(id)).get('last-event-id') ?? ''
    expect(new TextDecoder().decode(Uint8Array.from(sent, (char) => char.charCodeAt(0)))).toBe(id)
  })
})

describe('an ID that a header cannot carry', () => {
  test.each(unsendable)('%j is left out of the request', async (id) => {
    expect(isSendableId(id)).toBe(false)
    expect((await sentHeaders(id, [['x-a', '1']])).get('x-a')).toBe('1')
    expect((await sentHeaders(id)).has('last-event-id')).toBe(false)
  })
})

describe('on a platform with other headers', () => {
  const StandardHeaders = Headers
  afterEach(() => vi.unstubAllGlobals())

  test('where Headers encodes values as UTF-8 itself, as in workerd, the ID is passed as it is', async () => {
    /** Accepts any character. The values of this map are what the platform encodes. */
    class UnicodeHeaders extends Map<string, string> {}
    vi.stubGlobal('Headers', UnicodeHeaders)
    expect((await sentHeaders('日本é')).get('last-event-id')).toBe('日本é')
    expect((await sentHeaders('é')).get('last-event-id')).toBe('é')
    expect(isSendableId('日本é')).toBe(true)
    expect(isSendableId(' a')).toBe(false)
    expect(isSendableId('a\u0001')).toBe(false)
  })

  test('an ID that Headers refuses or changes is left out of the request', async () => {
    vi.stubGlobal(
      'Headers',
      class extends StandardHeaders {
        override set(name: string, value: string): void {
          if (value.includes('%')) throw new TypeError('invalid value')
          super.set(name, value.replace('?', ''))
        }
      },
    )
    expect(['a%', 'a?', 'a'].map(isSendableId)).toEqual([false, false, true])
    expect((await sentHeaders('a%')).has('last-event-id')).toBe(false)
    expect((await sentHeaders('a?')).has('last-event-id')).toBe(false)
  })
})
