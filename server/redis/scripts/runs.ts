/** The scripts that claim runs, hold their leases, and end them. */
import type { Script } from './prelude.ts'
import { defineScript } from './prelude.ts'

export const claim: Script = defineScript(
  'claim',
  { grows: true },
  `
local key, fingerprint, owner = ARGV[4] ~= '' and ARGV[4] or nil, ARGV[5], ARGV[6]
local lease, keep, maxRuns = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local epoch, nonce, frame = ARGV[10], ARGV[11], ARGV[12]

-- The run of this name; nil if it cannot be joined.
local function findRun(name)
  local run = find(name)
  if run and isLost(run) then
    finishLost(run, nonce, frame)
    return name == stream and run or nil
  end
  return run
end

local isCancelled = 0
if key then
  local record = redis.call('HMGET', recordOfKey(key), 'stream', 'fingerprint', 'cancelledUntil')
  if record[1] and findRun(record[1]) then
    if record[2] ~= fingerprint then return { 'conflict' } end
    return { 'reader', record[1] }
  end
  if record[3] and now < tonumber(record[3]) then isCancelled = 1 end
end
if findRun(stream) then return { 'reader', stream } end

redis.call('ZREMRANGEBYSCORE', allRuns, '-inf', text(now))
if redis.call('ZCARD', allRuns) >= maxRuns then return { 'full' } end

-- Tokens grow even if Redis was emptied: the newest is at least the time in microseconds.
local token = math.max(tonumber(redis.call('GET', prefix .. 'token') or 0) + 1, now * 1000)
redis.call('SET', prefix .. 'token', text(token))

local s = create(stream, epoch)
set(s, 'owner', owner)
set(s, 'token', token)
set(s, 'lease', now + lease)
set(s, 'keep', keep)
set(s, 'unread', now)
if key then
  set(s, 'key', key)
  redis.call('DEL', recordOfKey(key))
  redis.call('HSET', recordOfKey(key), 'stream', stream, 'fingerprint', fingerprint)
end
keepRun(s)
return { 'producer', token, isCancelled }
`,
)

export const renew: Script = defineScript(
  'renew',
  { grows: false },
  `
local token, ms = tonumber(ARGV[4]), tonumber(ARGV[5])
local s = find(stream)
if not s or s.token ~= token or s.state ~= 'open' then return 'lost' end
set(s, 'lease', now + ms)
keepRun(s)
return s.isStopped and 'stopped' or 'held'
`,
)

export const findRun: Script = defineScript(
  'find',
  { grows: false },
  `
local s = find(stream)
if not s or not s.owner then return {} end
local readers = countReaders(s)
return { s.owner, s.state, s.isStopped and 1 or 0, readers, readers > 0 and 0 or math.max(0, now - s.unread) }
`,
)

export const finish: Script = defineScript(
  'finish',
  { grows: false },
  `
local isOnlyLost, nonce, frame = ARGV[4] == '1', ARGV[5], ARGV[6]
local s = find(stream)
if not s or s.state ~= 'open' then return 0 end
if isOnlyLost then
  if not isLost(s) then return 0 end
  finishLost(s, nonce, frame)
else
  finish(s, nonce, frame)
end
return 1
`,
)

export const stop: Script = defineScript(
  'stop',
  { grows: false },
  `
local s = find(stream)
if s then
  set(s, 'isStopped', 1)
  wake(stream, 'stopped')
end
return 1
`,
)

export const cancelKey: Script = defineScript(
  'cancelKey',
  { grows: true },
  `
local key, ms = ARGV[4], tonumber(ARGV[5])
local record = recordOfKey(key)
local name = redis.call('HGET', record, 'stream')
if name and find(name) then return name end
redis.call('DEL', record)
redis.call('HSET', record, 'cancelledUntil', text(now + ms))
redis.call('PEXPIRE', record, text(math.max(1, ms)))
return ''
`,
)

export const join: Script = defineScript(
  'join',
  { grows: false },
  `
local process, ms = ARGV[4], tonumber(ARGV[5])
local s = find(stream)
if s and s.lease then
  redis.call('ZADD', keyOf(stream, 'readers'), text(now + ms), process)
  keepRun(s)
end
return 1
`,
)

export const leave: Script = defineScript(
  'leave',
  { grows: false },
  `
local process, readers = ARGV[4], keyOf(stream, 'readers')
local s = find(stream)
if s and s.lease then
  countReaders(s)
  if redis.call('ZREM', readers, process) == 1 and redis.call('ZCARD', readers) == 0 then set(s, 'unread', now) end
  keepRun(s)
end
return 1
`,
)

export const drop: Script = defineScript(
  'drop',
  { grows: false },
  `
local s = find(stream)
if s then remove(s) end
wake(stream, 'dropped')
return 1
`,
)
