/** The script behind `read`. It ends a run whose lease has expired. */
import type { Script } from './prelude.ts'
import { defineScript } from './prelude.ts'

export const read: Script = defineScript(
  'read',
  { grows: false },
  `
local isRun, after, bytes, epoch, idle = ARGV[4] == '1', tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8])
local nonce, frame = ARGV[9], ARGV[10]

local s = find(stream)
if not s then
  if isRun then return {} end
  s = create(stream, epoch)
end
if isLost(s) then finishLost(s, nonce, frame) end
if idle and not s.lease then expireAt(s, now + idle) end

local events = keyOf(stream, 'events')
local oldest = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
local first = oldest and positionOf(oldest) or s.head + 1
local previous = after == s.head and s.nonce or ''
if after >= first and after < s.head then
  local entry = redis.call('XRANGE', events, text(after) .. '-0', text(after) .. '-0')[1]
  previous = entry and entry[2][2] or ''
end
local page = { s.epoch, first, s.head, s.nonce, previous, s.state }
local size, from, isFull = 0, '(' .. text(after) .. '-0', after >= s.head
-- Reads about as many events as fit, judged by their average size.
local count = 64
if s.bytes > 0 then count = math.ceil(bytes * redis.call('XLEN', events) / s.bytes) end
count = math.max(1, math.min(64, count))
while not isFull do
  local entries = redis.call('XRANGE', events, from, '+', 'COUNT', count)
  for _, entry in ipairs(entries) do
    size = size + #entry[2][6]
    isFull = isFull or size > bytes and #page > 6
    if isFull then break end
    page[#page + 1] = positionOf(entry)
    page[#page + 1] = entry[2][2]
    page[#page + 1] = entry[2][6]
    from = '(' .. entry[1]
  end
  isFull = isFull or #entries < count
end
return page
`,
)
