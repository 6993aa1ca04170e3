-- Take a place in a lane, in order of arrival. Answers -1 when we have it, else how many wait before us. Answers
-- nothing when the replication has ended or is unknown: nobody would ever give such a place back, or take such a turn.
local holders, waiters, places = keys.holders(p.lane), keys.waiters(p.lane), keys.places(p.replication)
local waits = entry_of(p.lane, '')
if not redis.call('ZSCORE', keys.due, p.replication) then return false end
redis.call('HSET', keys.lanes, p.lane, p.limit)
local free = free_places(p.lane)

local function note(entry)
  redis.call('SADD', places, entry)
  redis.call('PEXPIRE', places, p.retention)
end

local function take()
  redis.call('ZREM', waiters, p.replication)
  redis.call('SREM', places, waits)
  redis.call('ZADD', holders, 'inf', p.place)
  redis.call('PEXPIRE', holders, p.retention)
  note(entry_of(p.lane, p.place))
  return -1
end

-- Who has begun is served to the end: the pieces of one tenant's work run side by side, and not each after a new wait.
local function has_begun()
  for _, entry in ipairs(redis.call('SMEMBERS', places)) do
    local lane, place = lane_and_place(entry)
    if lane == p.lane and place ~= '' then return true end
  end
  return false
end

if redis.call('ZSCORE', holders, p.place) then return take() end
-- When we came (microseconds): who replaces a replication that waited here comes as early as that one.
local came = tonumber(redis.call('HGET', keys.replication(p.replication), 'came:' .. p.lane) or '0')
if came == 0 then
  came = now_in_microseconds()
end
local rank = redis.call('ZRANK', waiters, p.replication)
local ahead = has_begun() and 0 or rank or redis.call('ZCOUNT', waiters, '-inf', string.format('(%.0f', came))
if ahead < free then return take() end
redis.call('ZADD', waiters, 'NX', string.format('%.0f', came), p.replication)
redis.call('PEXPIRE', waiters, p.retention)
note(waits)
return ahead - math.max(free, 0)
