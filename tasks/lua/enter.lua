-- Take a place in a lane, in order of arrival. Answers -1 when we have it, else how many wait before us.
-- p: lane, place, replication, limit, hold (ms after which a place that nobody gives back is free again)
local holders, waiters, time = holders_key(p.lane), waiters_key(p.lane), now()
redis.call('HSET', p.prefix .. 'lanes', p.lane, p.limit)
redis.call('ZREMRANGEBYSCORE', holders, '-inf', time)

local function take()
  redis.call('ZREM', waiters, p.replication)
  redis.call('ZADD', holders, time + p.hold, p.place)
  redis.call('PEXPIRE', holders, p.hold)
  redis.call('SADD', places_key(p.replication), p.lane .. '\t' .. p.place)
  redis.call('PEXPIRE', places_key(p.replication), p.retention)
  return -1
end

if redis.call('ZSCORE', holders, p.place) then return take() end
local free = p.limit - redis.call('ZCARD', holders)
local ahead = 0
for _, id in ipairs(redis.call('ZRANGE', waiters, 0, -1)) do
  if id == p.replication then break end
  if redis.call('ZSCORE', DUE, id) then ahead = ahead + 1 else redis.call('ZREM', waiters, id) end
end
if ahead < free then return take() end
redis.call('ZADD', waiters, 'NX', time, p.replication)
redis.call('PEXPIRE', waiters, p.retention)
return ahead - math.max(free, 0)
