/** The script behind `append`: positions, repeats, fencing and retention in one step. */
import { HARD_CAP } from '../../log/event-log.ts'
import type { Script } from './prelude.ts'
import { defineScript } from './prelude.ts'

/** How many appends of each sender are remembered, so that they can be repeated. */
const REMEMBERED_APPENDS = 256
/** How long a sender is remembered after its last append, in milliseconds. */
const REMEMBERED_SENDER_MS = 600_000

export const append: Script = defineScript(
  'append',
  { grows: true },
  `
local isRun, nonce, close, epoch = ARGV[4] == '1', ARGV[5], ARGV[6] == '1', ARGV[7]
-- A limit that is infinite is an empty text.
local maxEvents, maxBytes = tonumber(ARGV[8]) or math.huge, tonumber(ARGV[9]) or math.huge
local age, idle = tonumber(ARGV[10]) or math.huge, tonumber(ARGV[11])
local at, token, sender, sequence = tonumber(ARGV[12]), tonumber(ARGV[13]), ARGV[14], tonumber(ARGV[15])
local firstFrame, lastFrame = 16, #ARGV

local s = find(stream)
if not s then
  if isRun then return { 'refused', 'gone', 0 } end
  s = create(stream, epoch)
end
local function refuse(reason) return { 'refused', reason, s.head } end
local function done(position) return { 'appended', position, s.epoch } end

if token and token ~= s.token then return refuse('fenced') end

local sent, senders = keyOf(stream, 'sent'), keyOf(stream, 'senders')
local last = 0
if sequence then
  local position = redis.call('HGET', sent, sender .. '#' .. text(sequence))
  if position then return done(tonumber(position)) end
  last = tonumber(redis.call('HGET', sent, sender) or 0)
  if sequence <= last - ${REMEMBERED_APPENDS} then
    return redis.error_reply('RIVULET append ' .. text(sequence) .. ' of this sender is too old to be repeated')
  end
end

if at then
  -- A terminal event that another process wrote took the position of an event of this producer.
  local own = s.isFinished and s.head - 1 or s.head
  local final = at + lastFrame - firstFrame
  if final <= own then return done(final) end
end
if s.state == 'closed' then return refuse('closed') end
if at then
  if at > s.head + 1 then return refuse('gap') end
  firstFrame = firstFrame + s.head + 1 - at
end

local added = 0
for i = firstFrame, lastFrame do added = added + #ARGV[i] end

local events = keyOf(stream, 'events')
-- Removes the oldest events that need not be kept beside further ones; the record has to be saved afterwards.
local function trim(moreEvents, moreBytes)
  local count = redis.call('XLEN', events)
  local function isFull() return count + moreEvents > maxEvents or s.bytes + moreBytes > maxBytes end
  local from, page, isOld, keepFrom = '-', 1, true, nil
  while count > 0 and isOld and isFull() do
    local oldest = redis.call('XRANGE', events, from, '+', 'COUNT', page)
    if #oldest == 0 then break end
    for _, entry in ipairs(oldest) do
      isOld = now - tonumber(entry[2][4]) >= age
      if not isOld or not isFull() then break end
      count, s.bytes, keepFrom = count - 1, s.bytes - #entry[2][6], positionOf(entry) + 1
      from = '(' .. entry[1]
    end
    page = math.min(page * 4, 64)
  end
  if keepFrom then redis.call('XTRIM', events, 'MINID', text(keepFrom) .. '-0') end
end

if age < math.huge then trim(lastFrame - firstFrame + 1, added) end
if s.bytes + added > ${HARD_CAP} * maxBytes then
  save(s)
  return refuse('overloaded')
end

local isFirst = s.head == 0
for i = firstFrame, lastFrame do put(s, nonce, ARGV[i]) end
if close then s.state = 'closed' end
if age <= 0 then trim(0, 0) end
save(s)

if sequence then
  redis.call('HSET', sent, sender .. '#' .. text(sequence), text(s.head))
  local newest = math.max(last, sequence)
  redis.call('HSET', sent, sender, text(newest))
  local function forget(name, from, to)
    for number = math.max(1, from), to do redis.call('HDEL', sent, name .. '#' .. text(number)) end
  end
  forget(sender, last - ${REMEMBERED_APPENDS - 1}, math.min(last, newest - ${REMEMBERED_APPENDS}))
  redis.call('ZADD', senders, text(now), sender)
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', senders, '-inf', text(now - ${REMEMBERED_SENDER_MS}), 'LIMIT', 0, 16)) do
    local number = tonumber(redis.call('HGET', sent, name) or 0)
    forget(name, number - ${REMEMBERED_APPENDS - 1}, number)
    redis.call('HDEL', sent, name)
    redis.call('ZREM', senders, name)
  end
end

if s.lease then
  if close then set(s, 'ended', now) end
  -- The expiry of a key that did not exist before has to be set.
  if close or isFirst then keepRun(s) end
elseif idle then
  expireAt(s, now + idle)
end
wake(stream, 'appended')
return done(s.head)
`,
)
