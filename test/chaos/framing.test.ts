/** The proxy knows where in an answer it is, and cuts there. */
import { expect, test } from 'vitest'
import { type FrameRegion, createFrameTracker } from './framing.ts'
import { createResponseSplitter } from './split-response.ts'

const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'
const first = 'data: 你'
const second = 'ok\n\n'
const chunk = (text: string): string => `${new TextEncoder().encode(text).length.toString(16)}\r\n${text}\r\n`
const response = new TextEncoder().encode(`${head}${chunk(first)}${chunk(second)}0\r\n\r\n`)
const bodyAt = new TextEncoder().encode(head).length

function regionsOf(bytes: Uint8Array): FrameRegion[] {
  const placeOf = createFrameTracker()
  return Array.from(bytes, (byte) => placeOf(byte))
}

test('heads, chunk heads, and the inside of characters are told apart', () => {
  const found = regionsOf(response)
  expect(found.slice(0, bodyAt)).toEqual(Array.from({ length: bodyAt }, () => 'head'))
  //                                    9      CR            LF            d…a…: …你 (3 bytes)
  expect(
    found
      .slice(bodyAt, bodyAt + 15)
      .map((place) => place[0])
      .join(''),
  ).toBe('dccdddddddccdcd')
  expect(found.filter((place) => place === 'character')).toHaveLength(2)
})

test('the next answer of the same connection begins with a head', () => {
  expect(regionsOf(Uint8Array.from([...response, ...response])).slice(response.length)).toEqual(regionsOf(response))
  const counted = new TextEncoder().encode('HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno')
  expect(regionsOf(Uint8Array.from([...counted, ...response])).slice(counted.length)).toEqual(regionsOf(response))
})

test.each(['head', 'chunk-head', 'character', 'data', 'anywhere'] as const)(
  'a cut falls inside a place of its kind, wherever it may begin: %s',
  (place) => {
    const found = regionsOf(response)
    for (let after = 0; after < response.length; after++) {
      const pieces = createResponseSplitter(
        { response: { action: 'reset', region: place, afterBytes: after } },
        1,
      )(response)
      const passed = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0)
      const wanted = found.findIndex((here, index) => index >= after && (place === 'anywhere' || here === place))
      expect(passed).toBe(wanted < 0 ? response.length : wanted)
      expect(pieces.at(-1)!.isLast).toBe(wanted >= 0)
    }
  },
)

test.each(['bytes', 'random', 'character', 'chunk-head'] as const)('torn by %s, nothing is lost', (tear) => {
  const pieces = createResponseSplitter({ split: tear }, 7)(response)
  expect(pieces.flatMap(({ bytes }) => [...bytes])).toEqual([...response])
  expect(pieces.length).toBeGreaterThan(1)
  expect(pieces.some(({ isLast }) => isLast)).toBe(false)
  if (tear === 'bytes') expect(pieces).toHaveLength(response.length)
})
