-- Lanes: how many places each has, who holds one, who waits for one, and who is woken when one becomes free.

-- Note when somebody must look at a replication next. The urgent ones stand in an index of their own besides, so that it
-- shows at once which of them are due, however many wait.
local function set_due(id, time)
  redis.call('ZADD', keys.due, time, id)
  redis.call('ZADD', keys.urgent, 'XX', time, id)
end

-- Wake one of the pumps that rest.
local function ring(id)
  if redis.call('LLEN', keys.wakeups) == 0 then redis.call('RPUSH', keys.wakeups, id) end
end

-- Make a replication due at once, and wake one of the pumps that rest.
local function look_now(id)
  set_due(id, now())
  ring(id)
end

-- How much of a limit we use. That is all of it, or less for a while after AWS has refused although we kept to the
-- limit, because others use it too. slow.lua halves it, and it grows back to the whole within RECOVERY.
local RECOVERY = 30000 -- ms
local function share(limit)
  local slowed = redis.call('HGET', keys.slowed, limit)
  if not slowed then return 1, 0 end
  local factor, since = string.match(slowed, '^(%S+) (%S+)$')
  factor = tonumber(factor) + (now() - tonumber(since)) / RECOVERY
  if factor < 1 then return factor, tonumber(since) end
  redis.call('HDEL', keys.slowed, limit)
  return 1, 0
end

-- How many places of a lane are free now. A place is held until +inf as long as its replication has not ended.
local function free_places(lane)
  redis.call('ZREMRANGEBYSCORE', keys.holders(lane), '-inf', now())
  local limit = tonumber(redis.call('HGET', keys.lanes, lane) or '0')
  return math.max(1, math.floor(limit * share(lane))) - redis.call('ZCARD', keys.holders(lane))
end

-- Wake the first replications that wait in a lane, as many as it has free places. The one after them looks again when
-- the next place that only lingers ends.
local function wake(lane)
  local free, time = math.max(free_places(lane), 0), now()
  for position, id in ipairs(redis.call('ZRANGE', keys.waiters(lane), 0, free)) do
    local score = redis.call('ZSCORE', keys.due, id)
    -- One that runs right now is due at the end of its lease. It asks again by itself when it finds the lane full.
    if score and position <= free and redis.call('HGET', keys.replication(id), 'holder') == '' then
      if tonumber(score) > time then look_now(id) end
    elseif score and position > free then
      local ending = redis.call('ZRANGEBYSCORE', keys.holders(lane), '-inf', '(inf', 'WITHSCORES', 'LIMIT', 0, 1)
      if ending[2] and tonumber(ending[2]) < tonumber(score) then set_due(id, ending[2]) end
    end
  end
end

local function leave(lane, place)
  redis.call('ZREM', keys.holders(lane), place)
  wake(lane)
end

-- What a replication holds or waits for is one text: the lane, a tab, and the place; without a place it waits.
local function entry_of(lane, place) return lane .. '\t' .. place end
local function lane_and_place(entry) return string.match(entry, '^(.-)\t(.*)$') end

-- Take a replication out of every lane in which it waits.
local function stop_waiting(id)
  for _, entry in ipairs(redis.call('SMEMBERS', keys.places(id))) do
    local lane, place = lane_and_place(entry)
    if place == '' then
      redis.call('ZREM', keys.waiters(lane), id)
      redis.call('SREM', keys.places(id), entry)
      wake(lane)
    end
  end
end

-- Hand the places of a replication over to the one of the same tenant that replaces it: AWS goes on with the work, and
-- where it waited the other one comes as early (enter.lua). Nobody knows yet whether that one needs the place, for its
-- landing zone may be another: so until it takes the place itself, the place only lingers.
local function hand_over(id, to)
  for _, entry in ipairs(redis.call('SMEMBERS', keys.places(id))) do
    local lane, place = lane_and_place(entry)
    if place == '' then
      redis.call('HSETNX', keys.replication(to), 'came:' .. lane, redis.call('ZSCORE', keys.waiters(lane), id) or 0)
      redis.call('ZREM', keys.waiters(lane), id)
      wake(lane)
    else
      redis.call('SADD', keys.places(to), entry)
      redis.call('PEXPIRE', keys.places(to), p.retention)
      redis.call('ZADD', keys.holders(lane), 'XX', now() + p.linger, place)
      redis.call('HSETNX', keys.replication(to), 'came:' .. lane, 1) -- if it comes later than that, it is the first
      wake(lane)
    end
  end
  redis.call('DEL', keys.places(id))
end

-- Give every place of a replication back. After an end without success AWS may still work on what was begun, and AWS
-- counts its work and not our replications: so such a place lingers for a while (ms).
local function leave_all(id, linger)
  stop_waiting(id)
  for _, entry in ipairs(redis.call('SMEMBERS', keys.places(id))) do
    local lane, place = lane_and_place(entry)
    redis.call('ZADD', keys.holders(lane), 'XX', now() + linger, place)
    wake(lane)
  end
  redis.call('DEL', keys.places(id))
end
