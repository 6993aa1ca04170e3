-- Lanes: how many places each has, who holds one, and who waits for one.
--
-- Whoever frees a place hands it on in the same script: the first in line is offered it and made due. An offer is a place
-- already, so that nobody overtakes; who does not come within OFFER loses it to the next in line, but not its turn. So
-- nobody who waits is looked at before a place is free. The pump looks at lanes in which somebody waits (pump.lua), for
-- what no script does: places that end by themselves, and those of replications that are gone.
local OFFER = 20000 -- ms: who is offered a place is dispatched before all newcomers, so it comes within a second or two
local LOOK, LOOK_SLOWED = 10000, 1000 -- ms until the pump looks at a lane again

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

-- How many places of a lane nobody has. A place is held until +inf as long as its replication has not ended.
local function free_places(lane)
  local limit = tonumber(redis.call('HGET', keys.lanes, lane) or '0')
  return math.max(1, math.floor(limit * share(lane))) - redis.call('ZCARD', keys.holders(lane))
end

-- What a replication holds, was offered, or waits for is one text: the lane, a tab, and the place; without a place it
-- waits.
local function entry_of(lane, place) return lane .. '\t' .. place end
local function lane_and_place(entry) return string.match(entry, '^(.-)\t(.*)$') end

-- An offer is a place of this name.
local function offer_to(id) return 'offer to ' .. id end
local function offered_to(place) return string.match(place, '^offer to (.+)$') end

local function note(id, entry)
  redis.call('SADD', keys.places(id), entry)
  redis.call('PEXPIRE', keys.places(id), p.retention)
end

-- See to it that who has a place is looked at before who has none.
local function sort_in(id)
  local due = redis.call('ZSCORE', keys.due, id)
  for _, entry in ipairs(redis.call('SMEMBERS', keys.places(id))) do
    local _, place = lane_and_place(entry)
    if due and place ~= '' then
      redis.call('ZADD', keys.placed, due, id)
      return
    end
  end
  redis.call('ZREM', keys.placed, id)
end

-- Who holds a place: one replication, or several whose work one operation of AWS does (gather.lua).
local function holders_of(lane, place)
  local ids = {}
  for id in string.gmatch(redis.call('HGET', keys.held_by(lane), place) or '', '%S+') do ids[#ids + 1] = id end
  return ids
end

-- Hold a place, alone: also one that only lingered.
local function hold(lane, place, id, time)
  redis.call('ZADD', keys.holders(lane), time, place)
  redis.call('PEXPIRE', keys.holders(lane), p.retention)
  redis.call('HSET', keys.held_by(lane), place, id)
  redis.call('PEXPIRE', keys.held_by(lane), p.retention)
  note(id, entry_of(lane, place))
  sort_in(id)
end

local function release(lane, place)
  redis.call('HDEL', keys.held_by(lane), place)
  return redis.call('ZREM', keys.holders(lane), place)
end

-- Hold a place together with those who hold it.
local function share_place(lane, place, id)
  local ids = holders_of(lane, place)
  ids[#ids + 1] = id
  redis.call('HSET', keys.held_by(lane), place, table.concat(ids, ' '))
  note(id, entry_of(lane, place))
  sort_in(id)
end

-- Tell whether others hold a place besides, who keep it then.
local function leaves_to_others(lane, place, id)
  local others = {}
  for _, each in ipairs(holders_of(lane, place)) do
    if each ~= id and redis.call('ZSCORE', keys.due, each) then others[#others + 1] = each end
  end
  if #others == 0 then return false end
  redis.call('HSET', keys.held_by(lane), place, table.concat(others, ' '))
  return true
end

-- Stand in line. Whoever came when is kept until it has a place, so that nothing costs it its turn.
local function line_up(lane, id, came)
  redis.call('ZADD', keys.waiters(lane), 'NX', string.format('%.0f', came), id)
  redis.call('PEXPIRE', keys.waiters(lane), p.retention)
  note(id, entry_of(lane, ''))
end

local function leave_line(lane, id)
  redis.call('SREM', keys.places(id), entry_of(lane, ''))
  return redis.call('ZREM', keys.waiters(lane), id)
end

-- Take an offer back, if there is one.
local function withdraw_offer(lane, id)
  redis.call('SREM', keys.places(id), entry_of(lane, offer_to(id)))
  local had = release(lane, offer_to(id)) == 1
  if had then sort_in(id) end
  return had
end

-- Free the places whose time has ended: they only lingered, or were offered to somebody who did not come. That one is due
-- or runs, and stands in line again when it comes.
local function end_places(lane)
  for _, place in ipairs(redis.call('ZRANGEBYSCORE', keys.holders(lane), '-inf', now())) do
    local id = offered_to(place)
    if id then withdraw_offer(lane, id) else release(lane, place) end
  end
end

-- Measure how long it takes from one offer to the next while there is a line, for who asks when its turn comes.
local WEIGHT = 0.1 -- of the newest time in the mean
local function measure(lane, offers)
  local mean, last = string.match(redis.call('HGET', keys.pace, lane) or '', '^(%S+) (%S+)$')
  local line = redis.call('EXISTS', keys.waiters(lane)) == 1
  if not last and not line then return end
  mean, last = tonumber(mean or 0), tonumber(last or 0)
  if last > 0 then
    local took = (now() - last) / offers
    mean = mean == 0 and took or mean + WEIGHT * (took - mean)
  end
  redis.call('HSET', keys.pace, lane, string.format('%.0f %.0f', mean, line and now() or 0))
end

-- Say when the pump must look at a lane: when a place ends by itself, or in a while; never while nobody waits.
local function plan_look(lane)
  if redis.call('EXISTS', keys.waiters(lane)) == 0 then
    redis.call('ZREM', keys.looks, lane)
    return
  end
  local ending = redis.call('ZRANGEBYSCORE', keys.holders(lane), '-inf', '(inf', 'WITHSCORES', 'LIMIT', 0, 1)
  local look = now() + (redis.call('HEXISTS', keys.slowed, lane) == 1 and LOOK_SLOWED or LOOK)
  redis.call('ZADD', keys.looks, math.min(look, tonumber(ending[2] or look)), lane)
end

-- Offer the free places of a lane to the first in line, and make these due; `runs` is the replication that asks.
local function hand_on(lane, runs)
  end_places(lane)
  local free, offers = free_places(lane), 0
  while free > offers do
    local id, came = unpack(redis.call('ZRANGE', keys.waiters(lane), 0, 0, 'WITHSCORES'))
    if not id then break end
    leave_line(lane, id)
    if redis.call('ZSCORE', keys.due, id) then
      redis.call('HSET', keys.replication(id), 'came:' .. lane, came)
      hold(lane, offer_to(id), id, now() + OFFER)
      if id ~= runs then wake_up(id) end
      offers = offers + 1
    end
  end
  if offers > 0 then measure(lane, offers) end
  plan_look(lane)
end

-- Free the places of replications that are gone. No script leaves such a place; this heals what was lost with Redis.
local function heal(lane)
  for _, place in ipairs(redis.call('ZRANGEBYSCORE', keys.holders(lane), 'inf', 'inf')) do
    local alive = false
    for _, id in ipairs(holders_of(lane, place)) do alive = alive or redis.call('ZSCORE', keys.due, id) end
    if not alive then release(lane, place) end
  end
  redis.call('PEXPIRE', keys.waiters(lane), p.retention) -- a line in which nobody new comes is a line still
end

-- Leave a place, which is free when nobody else holds it. When the one that sent the operation is done, it is over for
-- the others as well, most likely.
local function leave(lane, place, id)
  local first = holders_of(lane, place)[1]
  if not leaves_to_others(lane, place, id) then
    release(lane, place)
  elseif first == id then
    for _, other in ipairs(holders_of(lane, place)) do wake_up(other) end
  end
  hand_on(lane)
end

-- What was sent for a replication by somebody else's operation is noted in its record (gather.lua, disband.lua). Once the
-- handles are written that it began with (begin.lua), they have it; not what was noted since.
local function forget_joined(key)
  local joined, seen = unpack(redis.call('HMGET', key, 'joined', 'joined_seen'))
  if joined and joined == seen then redis.call('HDEL', key, 'joined', 'joined_seen') end
end

-- Take a replication out of every line in which it stands, and hand on what it was offered.
local function stop_waiting(id, kept)
  for _, entry in ipairs(redis.call('SMEMBERS', keys.places(id))) do
    local lane, place = lane_and_place(entry)
    if lane == kept then
      -- it stays
    elseif place == '' then
      leave_line(lane, id)
      plan_look(lane)
    elseif place == offer_to(id) then
      withdraw_offer(lane, id)
      hand_on(lane)
    end
  end
end

-- Hand the places of a replication over to the one of the same tenant that replaces it: AWS goes on with the work, and
-- where it waited or was offered a place the other one comes as early (enter.lua). Nobody knows yet whether that one needs
-- the place, for its landing zone may be another: so until it takes the place itself, the place only lingers.
local function hand_over(id, to)
  for _, entry in ipairs(redis.call('SMEMBERS', keys.places(id))) do
    local lane, place = lane_and_place(entry)
    local came = 1 -- if it comes later than its place ends, it is the first
    if place == '' or place == offer_to(id) then
      came = redis.call('ZSCORE', keys.waiters(lane), id) or redis.call('HGET', keys.replication(id), 'came:' .. lane)
    elseif place ~= id then -- that of a probe is left in leave_all
      redis.call('SREM', keys.places(id), entry)
      if not leaves_to_others(lane, place, id) then
        note(to, entry)
        redis.call('HSET', keys.held_by(lane), place, to)
        redis.call('ZADD', keys.holders(lane), 'XX', now() + p.linger, place)
      end
      hand_on(lane)
    end
    redis.call('HSETNX', keys.replication(to), 'came:' .. lane, came or 0)
  end
  sort_in(to)
  stop_waiting(id)
end

-- Give every place of a replication back. After an end without success AWS may still work on what was begun, and AWS
-- counts its work and not our replications: so such a place lingers for a while (ms).
-- kept: the lane that it does not leave, if any
local function leave_all(id, linger, kept)
  redis.call('ZREM', keys.placed, id)
  if redis.call('EXISTS', keys.places(id)) == 0 then return end
  stop_waiting(id, kept)
  for _, entry in ipairs(redis.call('SMEMBERS', keys.places(id))) do
    local lane, place = lane_and_place(entry)
    if lane ~= kept then
      if not leaves_to_others(lane, place, id) then
        local stays = place == id and 0 or linger -- that of a probe is no work of AWS (gates.lua)
        redis.call('ZADD', keys.holders(lane), 'XX', now() + stays, place)
      end
      redis.call('SREM', keys.places(id), entry)
      hand_on(lane)
    end
  end
  redis.call('ZREM', keys.placed, id) -- whoever was handed a place, or had one taken back, is sorted in
end
