-- Take a place in a lane, in order of arrival. Answers -1 when we have it, else how many wait before us, and nothing
-- when the replication has ended or is unknown: nobody would ever give that place or that turn back.
-- p: lane, place, replication, limit
local holders, waiters, places = holders_key(p.lane), waiters_key(p.lane), places_key(p.replication)
if not redis.call('ZSCORE', DUE, p.replication) then return false end
redis.call('HSET', p.prefix .. 'lanes', p.lane, p.limit)
local free = free_places(p.lane)

local function take()
  redis.call('ZREM', waiters, p.replication)
  redis.call('SREM', places, p.lane .. '\t')
  redis.call('ZADD', holders, 'inf', p.place)
  redis.call('PEXPIRE', holders, p.retention)
  redis.call('SADD', places, p.lane .. '\t' .. p.place)
  redis.call('PEXPIRE', places, p.retention)
  return -1
end

-- Who has begun is served to the end: the pieces of one tenant's work run side by side, not each after a new wait.
local function has_begun()
  for _, entry in ipairs(redis.call('SMEMBERS', places)) do
    local lane, place = string.match(entry, '^(.-)\t(.*)$')
    if lane == p.lane and place ~= '' then return true end
  end
  return false
end

if redis.call('ZSCORE', holders, p.place) then return take() end
local ahead = has_begun() and 0 or redis.call('ZRANK', waiters, p.replication) or redis.call('ZCARD', waiters)
if ahead < free then return take() end
local time = redis.call('TIME')
redis.call('ZADD', waiters, 'NX', time[1] * 1000000 + time[2], p.replication) -- microseconds: nobody comes at the same time
redis.call('PEXPIRE', waiters, p.retention)
redis.call('SADD', places, p.lane .. '\t')
redis.call('PEXPIRE', places, p.retention)
return ahead - math.max(free, 0)
