-- Take a place in a lane, in order of arrival. Answers two numbers: -1 when we have it, else how many wait before us; and
-- for how long we have waited (ms) when we have it from now on, else -1. Answers nothing when the replication has ended or
-- is unknown: nobody would ever give such a place back, or take such a turn.
local lane, place, id = p.lane, p.place, p.replication
if not redis.call('ZSCORE', keys.due, id) then return false end
redis.call('HSET', keys.lanes, lane, p.limit)

-- Who has begun is served to the end: the pieces of one tenant's work run side by side, and not each after a new wait.
local function has_begun()
  for _, entry in ipairs(redis.call('SMEMBERS', keys.places(id))) do
    local of, taken = lane_and_place(entry)
    if of == lane and taken ~= '' then return true end
  end
  return false
end

-- When we came (microseconds). To take access away comes first, then who has begun; who replaces a replication that
-- waited here, or was offered a place and did not come, came when that was.
local function came()
  if redis.call('ZSCORE', keys.urgent, id) then return 0 end
  if has_begun() then return 1 end
  local before = redis.call('HGET', keys.replication(id), 'came:' .. lane)
  if before then return tonumber(before) end
  local last = redis.call('ZRANGE', keys.waiters(lane), -1, -1, 'WITHSCORES')[2] or 0
  return math.max(now_in_microseconds(), last + 1) -- behind all, also when Redis's clock was set back
end

local known = redis.call('ZSCORE', keys.holders(lane), place)
if not known then
  end_places(lane)
  if not redis.call('ZSCORE', keys.holders(lane), offer_to(id)) then line_up(lane, id, came()) end
  hand_on(lane, id)
  if not redis.call('ZSCORE', keys.holders(lane), offer_to(id)) then
    if p.wants then redis.call('HSET', keys.replication(id), 'wants:' .. lane, p.wants) end
    return {redis.call('ZRANK', keys.waiters(lane), id), -1}
  end
end
local since = tonumber(not known and redis.call('HGET', keys.replication(id), 'came:' .. lane) or 0)
local waited = since > 1 and math.max(math.floor((now_in_microseconds() - since) / 1000), 0) or -1 -- 0, 1: came before all
leave_line(lane, id)
withdraw_offer(lane, id)
redis.call('HDEL', keys.replication(id), 'came:' .. lane, 'wants:' .. lane)
hold(lane, place, id, 'inf')
hand_on(lane, id)
return {-1, waited}
