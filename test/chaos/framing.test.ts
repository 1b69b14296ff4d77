/** The proxy tracks the regions of an HTTP response, and cuts and splits inside them. */
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
  const regionOf = createFrameTracker()
  return Array.from(bytes, (byte) => regionOf(byte))
}

test('the tracker distinguishes response heads, chunk headers and the inside of characters', () => {
  const found = regionsOf(response)
  expect(found.slice(0, bodyAt)).toEqual(Array.from({ length: bodyAt }, () => 'head'))
  // Initials of the regions: `c` is `chunk-head` at a CR or LF, and `character` inside 你, which has 3 bytes. The 15
  // bytes are 9 CR LF, "data: 你", CR LF, and the size of the second chunk.
  expect(
    found
      .slice(bodyAt, bodyAt + 15)
      .map((region) => region[0])
      .join(''),
  ).toBe('dccdddddddccdcd')
  expect(found.filter((region) => region === 'character')).toHaveLength(2)
})

test('the tracker recognizes the head of the next response on the same connection', () => {
  expect(regionsOf(Uint8Array.from([...response, ...response])).slice(response.length)).toEqual(regionsOf(response))
  const counted = new TextEncoder().encode('HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno')
  expect(regionsOf(Uint8Array.from([...counted, ...response])).slice(counted.length)).toEqual(regionsOf(response))
})

test.each(['head', 'chunk-head', 'character', 'data', 'anywhere'] as const)(
  'from any offset, a cut in the region "%s" falls at the first matching byte',
  (wantedRegion) => {
    const found = regionsOf(response)
    for (let afterBytes = 0; afterBytes < response.length; afterBytes++) {
      const pieces = createResponseSplitter(
        { response: { action: 'reset', region: wantedRegion, afterBytes } },
        1,
      )(response)
      const passed = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0)
      const cutAt = found.findIndex(
        (region, index) => index >= afterBytes && (wantedRegion === 'anywhere' || region === wantedRegion),
      )
      expect(passed).toBe(cutAt < 0 ? response.length : cutAt)
      expect(pieces.at(-1)!.isLast).toBe(cutAt >= 0)
    }
  },
)

test.each(['bytes', 'random', 'character', 'chunk-head'] as const)('a response split by %s loses no byte', (split) => {
  const pieces = createResponseSplitter({ split }, 7)(response)
  expect(pieces.flatMap(({ bytes }) => [...bytes])).toEqual([...response])
  expect(pieces.length).toBeGreaterThan(1)
  expect(pieces.some(({ isLast }) => isLast)).toBe(false)
  if (split === 'bytes') expect(pieces).toHaveLength(response.length)
})
