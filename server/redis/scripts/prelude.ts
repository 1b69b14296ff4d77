/** The Lua functions that all scripts share: names of keys, and the record of a stream with its events. */

/** A script that Redis runs as one atomic step. */
export interface Script {
  readonly name: string
  readonly source: string
}

/**
 * Keys, with the prefix `rivulet:` and the stream `run:1`:
 *
 * - `rivulet:{run:1}:meta`: hash, the record of the stream; without it, the stream does not exist
 * - `rivulet:{run:1}:events`: stream, one entry per event; the entry ID `7-0` is position 7
 * - `rivulet:{run:1}:readers`: sorted set of processes with readers, by the time at which they expire
 * - `rivulet:{run:1}:sent`, `rivulet:{run:1}:senders`: the last appends of each sender, and when it was last seen
 * - `rivulet:key:…`: hash, the run of an idempotency key, or that the key was cancelled
 * - `rivulet:runs`: sorted set of all runs, by the time at which they expire
 * - `rivulet:token`: the newest fencing token
 * - `rivulet:{run:1}`: channel, with the reason as message
 *
 * Expiry is part of the record (`expires`) and checked against the time of the script; the expiry of the keys frees
 * memory.
 */
const prelude = `
local prefix, stream, now = ARGV[1], ARGV[2], tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
-- A number would be printed with 14 digits only.
local function text(number) return string.format('%d', number) end
local function keyOf(name, part) return prefix .. '{' .. name .. '}:' .. part end
local function recordOfKey(key) return prefix .. 'key:' .. key end
local allRuns = prefix .. 'runs'

local function wake(name, reason) redis.call('PUBLISH', prefix .. '{' .. name .. '}', reason) end

local function releaseKey(s)
  if s.key and redis.call('HGET', recordOfKey(s.key), 'stream') == s.name then
    redis.call('DEL', recordOfKey(s.key))
  end
end

local function remove(s)
  releaseKey(s)
  redis.call('ZREM', allRuns, s.name)
  for _, part in ipairs({ 'meta', 'events', 'readers', 'sent', 'senders' }) do
    redis.call('DEL', keyOf(s.name, part))
  end
end

local fields = { 'epoch', 'head', 'nonce', 'bytes', 'state', 'expires', 'owner', 'token', 'lease', 'keep', 'key',
  'ended', 'unread', 'isStopped', 'isFinished' }
local numbers = { head = true, bytes = true, expires = true, token = true, lease = true, keep = true, ended = true,
  unread = true }

-- The record of a stream; nil if it does not exist or has expired.
local function find(name)
  local values = redis.call('HMGET', keyOf(name, 'meta'), unpack(fields))
  if not values[1] then return nil end
  local s = { name = name }
  for i, field in ipairs(fields) do
    -- A field that is missing is false here, not nil.
    if values[i] then s[field] = numbers[field] and tonumber(values[i]) or values[i] end
  end
  if s.expires and now >= s.expires then
    remove(s)
    return nil
  end
  return s
end

local function set(s, field, value)
  s[field] = value
  redis.call('HSET', keyOf(s.name, 'meta'), field, type(value) == 'number' and text(value) or value)
end

-- Creates an empty stream. Keys that outlived their record, for example because Redis evicted it, go first.
local function create(name, epoch)
  local s = { name = name, epoch = epoch, head = 0, nonce = '', bytes = 0, state = 'open' }
  remove(s)
  redis.call('HSET', keyOf(name, 'meta'), 'epoch', epoch, 'head', 0, 'nonce', '', 'bytes', 0, 'state', 'open')
  return s
end

-- Adds one event to the events; \`save\` writes the record afterwards.
local function put(s, nonce, frame)
  s.head, s.nonce, s.bytes = s.head + 1, nonce, s.bytes + #frame
  redis.call('XADD', keyOf(s.name, 'events'), text(s.head) .. '-0', 'n', nonce, 't', text(now), 'f', frame)
end

local function save(s)
  redis.call('HSET', keyOf(s.name, 'meta'), 'head', text(s.head), 'nonce', s.nonce, 'bytes', text(s.bytes),
    'state', s.state)
end

local function positionOf(entry) return tonumber(string.match(entry[1], '^%d+')) end

local function expireAt(s, time)
  set(s, 'expires', time)
  for _, part in ipairs({ 'meta', 'events', 'readers', 'sent', 'senders' }) do
    redis.call('PEXPIRE', keyOf(s.name, part), text(math.max(1, time - now)))
  end
end

-- Forgets readers that have expired; returns how many there are. \`unread\` is when the last one left or expired.
local function countReaders(s)
  local readers = keyOf(s.name, 'readers')
  local newest = redis.call('ZREVRANGE', readers, 0, 0, 'WITHSCORES')
  if not newest[1] then return 0 end
  if tonumber(newest[2]) <= now then
    set(s, 'unread', tonumber(newest[2]))
    redis.call('DEL', readers)
    return 0
  end
  redis.call('ZREMRANGEBYSCORE', readers, '-inf', text(now))
  return redis.call('ZCARD', readers)
end

-- Keeps a run for \`keep\` after its end, or after its last reader left. An unfinished run ends with its lease.
local function keepRun(s)
  local newest = redis.call('ZREVRANGE', keyOf(s.name, 'readers'), 0, 0, 'WITHSCORES')
  local time = math.max(s.ended or s.lease, s.unread, tonumber(newest[2]) or 0) + s.keep
  expireAt(s, time)
  redis.call('ZADD', allRuns, text(time), s.name)
  if s.key and redis.call('HGET', recordOfKey(s.key), 'stream') == s.name then
    redis.call('PEXPIRE', recordOfKey(s.key), text(math.max(1, time - now)))
  end
end

local function isLost(s) return s.lease and s.state == 'open' and now >= s.lease end

-- Appends the terminal event in place of the producer.
local function finish(s, nonce, frame)
  put(s, nonce, frame)
  s.state = 'closed'
  save(s)
  set(s, 'isFinished', 1)
  if s.lease then
    set(s, 'ended', now)
    keepRun(s)
  end
  wake(s.name, 'appended')
end

-- Ends a run whose lease has expired, so that a request with the same key starts another run.
local function finishLost(s, nonce, frame)
  releaseKey(s)
  finish(s, nonce, frame)
end
`

/**
 * Creates a script. Its first arguments are the prefix of all keys, the name of the stream, and the time in milliseconds,
 * or an empty text for Redis's own time. A script that `grows` the stored data is refused when Redis has no memory left;
 * the others, which read or free, run nevertheless.
 */
export const defineScript = (name: string, { grows }: { grows: boolean }, body: string): Script => ({
  name,
  // With this line, Redis refuses a script as a whole instead of at its first write that needs memory.
  source: `#!lua${grows ? '' : ' flags=allow-oom'}${prelude}${body}`,
})
