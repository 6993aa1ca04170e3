-- Take what is due, as long as the queue is short, and raise its dispatch number.
-- The queue is kept short on purpose: a backlog waits here in the due index, where it cannot multiply into messages.
-- Of several platforms none gets all threads: a call that AWS does not answer holds one until its time-out.
-- p: queue, room (messages the queue may hold: the threads of one worker), lease (ms), longest (ms), worker
-- Answers a flat list: tenant, replication, chain, step index, dispatch number, …
local ALIVE = 10000 -- ms since a worker's pump looked: what is older is dead or hangs
local SILENT = 3 -- executions in a row in which a platform answered no call: from then on it is only probed
local RECHECK = 60000 -- ms; whoever gives a thread back wakes the next in line, this only heals a lost wake-up
local BATCH, MOST = 50, 500 -- replications looked at together, and in one run: Redis does nothing else meanwhile
local PRIORITY = 1e15 -- microseconds
local time = now()
redis.call('ZADD', p.prefix .. 'workers', time, p.worker)
redis.call('ZREMRANGEBYSCORE', p.prefix .. 'workers', '-inf', time - 86400000)
local waiting = redis.call('LLEN', p.queue)
local room = p.room - waiting
local taken, looked = {}, 0

-- The threads that a platform may have: half of all, so that another one always finds some; a silent one a few.
local function share_of_threads(platform)
  local all = p.room * redis.call('ZCOUNT', p.prefix .. 'workers', time - ALIVE, '+inf')
  local silent = tonumber(redis.call('HGET', p.prefix .. 'silent', platform) or '0') >= SILENT
  return math.max(1, math.floor(all / (silent and 16 or 2)))
end

local free = {} -- platform -> threads that it may still take; empty while there is only one platform
local function count_threads()
  local platforms = redis.call('SMEMBERS', p.prefix .. 'platforms')
  if #platforms < 2 then return end
  for _, platform in ipairs(platforms) do
    local lane = threads(platform)
    redis.call('HSET', p.prefix .. 'lanes', lane, share_of_threads(platform))
    free[platform] = free_places(lane)
    if redis.call('EXISTS', waiters_key(lane)) == 1 then wake(lane) end
  end
end

-- Whether a replication gets a thread now; else it stands in line for one.
local function enters(platform, id)
  if not free[platform] or redis.call('ZSCORE', holders_key(threads(platform)), id) then return true end
  local waiters = waiters_key(threads(platform))
  -- Who has a place in AWS's limits, or was woken to take one, comes first: others wait for that place.
  local first = redis.call('EXISTS', places_key(id)) == 1
  redis.call('ZADD', waiters, 'NX', time * 1000 + looked - (first and PRIORITY or 0), id)
  redis.call('PEXPIRE', waiters, p.retention)
  if redis.call('ZRANK', waiters, id) >= free[platform] then
    redis.call('ZADD', DUE, time + RECHECK, id)
    return false
  end
  redis.call('ZREM', waiters, id)
  free[platform] = free[platform] - 1
  return true
end

local function take(tenant, chain, step, id)
  local key = replication_key(id)
  local dispatch = redis.call('HINCRBY', key, 'dispatch', 1)
  -- Time for the message to be taken before it counts as lost; doubled each time, so that slow workers still get it.
  -- While the queue is empty nobody is slow: what was sent before is lost.
  if waiting == 0 then redis.call('HSET', key, 'sends', 0) end
  local sends = redis.call('HINCRBY', key, 'sends', 1)
  local lost = time + math.min(p.lease * 2 ^ (sends - 1), p.longest)
  redis.call('HSET', key, 'holder', '', 'lease', 0)
  redis.call('ZADD', DUE, lost, id)
  keep_thread(tenant, id, lost)
  room = room - 1
  for _, value in ipairs({tenant, id, chain, step, dispatch}) do table.insert(taken, tostring(value)) end
end

local function look_at(id)
  local tenant, chain, step, cancel = unpack(redis.call('HMGET', replication_key(id), 'tenant', 'chain', 'step', 'cancel'))
  if not tenant then
    redis.call('ZREM', DUE, id)
  elseif cancel == '1' then
    finish(tenant, id, 'CANCELLED')
  elseif is_paused(tenant) then
    put_aside(tenant, id)
  elseif enters(platform_of(tenant), id) then
    take(tenant, chain, step, id)
  end
end

if room > 0 then count_threads() end
while room > 0 and looked < MOST do
  local due = redis.call('ZRANGEBYSCORE', DUE, '-inf', time, 'LIMIT', 0, math.min(room, BATCH))
  if #due == 0 then break end
  for _, id in ipairs(due) do -- each of them leaves the head of the index
    looked = looked + 1
    look_at(id)
  end
end
if #taken > 0 then redis.call('HINCRBY', p.prefix .. 'counts', 'dispatches', #taken / 5) end
return taken
