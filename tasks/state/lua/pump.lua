-- Take what is due, as long as the queue is short, and raise the dispatch number of each replication that is taken.
-- The queue is kept short on purpose: a backlog waits here in the due index, where it cannot multiply into messages.
-- A call that AWS does not answer holds a thread until its time-out. So no more is taken than there are threads, but for
-- a few that are kept for who may have access to take away; and when there are several platforms none gets all of them.
-- Answers a list (JSON text) of objects: tenant, replication, chain, step (its index), number (of the dispatch).
local FORGOTTEN = 86400000 -- ms after which a worker is dropped that has not looked
local UNRESPONSIVE = 3 -- executions in a row without any answer: from then on a platform is only probed
local LANES = 20 -- looked at in one run
local RECHECK_URGENT = 500 -- ms: nobody wakes them when one of the kept threads is given back
local BATCH, MOST = 50, 500 -- replications looked at together, and in one run: Redis does nothing else meanwhile
local PRIORITY = 1e15 -- microseconds
catch_up(p.first)
local time = now()
redis.call('ZADD', keys.workers, time, p.worker)
redis.call('HSET', keys.rooms, p.worker, p.room .. ' ' .. p.kept)
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', keys.workers, '-inf', time - FORGOTTEN)) do
  redis.call('ZREM', keys.workers, worker)
  redis.call('HDEL', keys.rooms, worker)
end
local waiting = redis.call('LLEN', p.queue)
local room = p.room - waiting
local taken, looked = {}, 0
local all, kept = all_threads()

-- How many threads a platform may have: half of all, so that another one always finds some; an unresponsive one a few.
local function share_of_threads(platform)
  local unanswered = tonumber(redis.call('HGET', keys.unresponsive, platform) or '0')
  return math.max(1, math.floor(all / (unanswered >= UNRESPONSIVE and 16 or 2)))
end

local free = {} -- platform -> threads that it may still take; empty while there is only one platform
local spare = all - held_threads() -- threads that all platforms together may still take
local function count_threads()
  local platforms = redis.call('SMEMBERS', keys.platforms)
  for _, platform in ipairs(platforms) do
    local lane = threads(platform)
    redis.call('HSET', keys.lanes, lane, share_of_threads(platform))
    if #platforms > 1 then
      free[platform] = free_threads(lane)
      wake_for_threads(lane)
    else
      end_threads(lane)
    end
  end
end

-- How many more of the urgent ones a platform may have beside its share. Others may hold more than that: its share gets
-- smaller when another platform comes, when a worker dies, or when AWS does not answer. That takes no kept thread away.
local urgent_holders = {} -- platform -> urgent ones that hold a thread
local function kept_threads(platform, lane)
  if free[platform] >= 0 then return kept end
  if not urgent_holders[platform] then
    urgent_holders[platform] = 0
    for _, id in ipairs(redis.call('ZRANGE', keys.holders(lane), 0, -1)) do
      if redis.call('ZSCORE', keys.urgent, id) then urgent_holders[platform] = urgent_holders[platform] + 1 end
    end
  end
  return kept + math.max(-free[platform] - urgent_holders[platform], 0)
end

-- Tell whether a replication gets a thread now. If not, it stands in line for one.
local function enters(platform, id)
  local lane = threads(platform)
  if not free[platform] or redis.call('ZSCORE', keys.holders(lane), id) then return true end
  local waiters = keys.waiters(lane)
  local urgent = redis.call('ZSCORE', keys.urgent, id)
  -- After the urgent ones comes who has a place in AWS's limits, or was woken to take one: others wait for that place.
  local first = urgent and 2 or redis.call('EXISTS', keys.places(id))
  local since = math.min(tonumber(redis.call('ZSCORE', keys.due, id)), time) -- who stood back comes early (record.lua)
  redis.call('ZADD', waiters, 'NX', since * 1000 + looked - first * PRIORITY, id)
  redis.call('PEXPIRE', waiters, p.retention)
  if redis.call('ZRANK', waiters, id) >= free[platform] + (urgent and kept_threads(platform, lane) or 0) then
    set_due(id, urgent and time + RECHECK_URGENT or 'inf') -- until a thread is free
    return false
  end
  redis.call('ZREM', waiters, id)
  free[platform] = free[platform] - 1
  if urgent and urgent_holders[platform] then urgent_holders[platform] = urgent_holders[platform] + 1 end
  return true
end

local function take(id, record)
  local number = record.dispatch + 1
  -- The message is given some time to be taken before it counts as lost. That time doubles with each message, so that
  -- slow workers get there too. While the queue is empty nobody is slow, and what was sent before is lost.
  local sends = (waiting == 0 and 0 or record.sends) + 1
  local lost = time + math.min(p.lease * 2 ^ (sends - 1), p.longest)
  redis.call('HSET', keys.replication(id), 'dispatch', number, 'sends', sends, 'holder', '', 'lease', 0)
  set_due(id, lost)
  keep_thread(record.tenant, id, lost)
  room, spare = room - 1, spare - 1
  table.insert(taken, {
    tenant = record.tenant,
    replication = id,
    chain = record.chain,
    step = tonumber(record.step),
    number = number,
  })
end

local function look_at(id)
  local record = fields(keys.replication(id), 'tenant', 'chain', 'step', 'cancel', 'dispatch', 'sends')
  local tenant = record.tenant
  if not tenant then
    redis.call('ZREM', keys.due, id)
    redis.call('ZREM', keys.urgent, id)
    redis.call('ZREM', keys.placed, id)
  elseif record.cancel == '1' then
    finish(tenant, id, 'CANCELLED')
  elseif is_paused(tenant) then
    suspend(tenant, id)
  elseif enters(platform_of(tenant), id) then
    take(id, record)
  end
end

-- An urgent replication waits for the one that it replaces, whose worker ends it after its call. If that worker has died,
-- end it here when its lease is over: that needs no thread, and the urgent one begins.
local function look_at_replaced(id)
  local tenant = redis.call('HGET', keys.replication(id), 'tenant')
  local current = tenant and redis.call('HGET', keys.tenant(tenant), 'current') or ''
  local lease, cancel = unpack(redis.call('HMGET', keys.replication(current), 'lease', 'cancel'))
  if cancel ~= '1' then
    redis.call('ZADD', keys.urgent, 'inf', id) -- until its turn comes
  elseif tonumber(lease) > time then
    redis.call('ZADD', keys.urgent, lease, id)
  else
    finish(tenant, current, 'CANCELLED')
  end
end

-- Look at what may have access to take away before all others, and also when the queue is full: once more as long then.
local function look_at_urgent()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', keys.urgent, '-inf', time, 'LIMIT', 0, BATCH)) do
    if not redis.call('ZSCORE', keys.due, id) and redis.call('EXISTS', keys.replication(id)) == 1 then
      look_at_replaced(id)
    elseif room > -p.room then
      looked = looked + 1
      look_at(id)
    end
  end
end

-- Hand on what no script has handed on, a few lanes at a time; looks are due where somebody waits only.
local function look_at_lanes()
  for _, lane in ipairs(redis.call('ZRANGEBYSCORE', keys.looks, '-inf', time, 'LIMIT', 0, LANES)) do
    heal(lane)
    hand_on(lane)
  end
end

-- Look at who has a place in AWS's limits, or was offered one, before those who have none: others wait for that place.
local function look_at_placed()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', keys.placed, '-inf', time, 'LIMIT', 0, BATCH)) do
    if room > 0 and spare > 0 then
      looked = looked + 1
      look_at(id)
    end
  end
end

count_threads()
look_at_lanes()
look_at_urgent()
look_at_placed()
while room > 0 and spare > 0 and looked < MOST do
  local due = redis.call('ZRANGEBYSCORE', keys.due, '-inf', time, 'LIMIT', 0, math.min(room, spare, BATCH))
  if #due == 0 then break end
  for _, id in ipairs(due) do -- each of them leaves the head of the index
    looked = looked + 1
    look_at(id)
  end
end
if #taken == 0 then return '[]' end
redis.call('HINCRBY', keys.counts, 'dispatches', #taken)
return cjson.encode(taken)
