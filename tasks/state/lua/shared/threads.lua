-- The workers' threads, shared among platforms: a lane for each platform, which only the pump enters (pump.lua). A place
-- is held until the message or the lease counts as lost. So nothing else needs to give it back when a worker dies.

-- ms since a worker's pump looked: one that has not looked for longer is dead or hangs. Pumps look at least once a
-- second. It is less than the default lease, so that the threads of a dead worker have ceased to count when its places
-- end. Else what it held would be dispatched to the threads of others, beside what these have.
local ALIVE = 4000

local function threads(platform) return 'threads of ' .. platform end

-- How many threads all workers have for everybody, and how many that are kept for who may have access to take away. A
-- worker of a version before this hash is not counted.
local function all_threads()
  local alive, all, kept = redis.call('ZRANGEBYSCORE', keys.workers, now() - ALIVE, '+inf'), 0, 0
  for _, worker in ipairs(alive) do
    local room, withheld = string.match(redis.call('HGET', keys.rooms, worker) or '0 0', '^(%d+) (%d+)$')
    all, kept = all + room, kept + withheld
  end
  return all, kept
end

-- How many threads the replications of all platforms have.
local function held_threads()
  local held = 0
  for _, platform in ipairs(redis.call('SMEMBERS', keys.platforms)) do
    held = held + redis.call('ZCOUNT', keys.holders(threads(platform)), '(' .. now(), '+inf')
  end
  return held
end

-- Free the threads of workers that have died.
local function end_threads(lane) redis.call('ZREMRANGEBYSCORE', keys.holders(lane), '-inf', now()) end

-- How many threads a platform may still have.
local function free_threads(lane)
  end_threads(lane)
  return free_places(lane)
end

-- Make due who stands first in line for the threads that are free. The pump does so at each of its looks.
local function wake_for_threads(lane)
  if redis.call('EXISTS', keys.waiters(lane)) == 0 then return end
  local free = free_threads(lane)
  if free <= 0 then return end
  for _, id in ipairs(redis.call('ZRANGE', keys.waiters(lane), 0, free - 1)) do wake_up(id) end
end

-- Tell whether more threads are taken than there are for everybody, or for this platform: then the kept ones are in use.
local function uses_kept_threads(platform)
  if held_threads() > all_threads() then return true end
  return redis.call('SCARD', keys.platforms) > 1 and free_threads(threads(platform)) < 0
end

local function keep_thread(tenant, id, time)
  local holders = keys.holders(threads(platform_of(tenant)))
  if redis.call('ZADD', holders, time, id) == 1 then redis.call('PEXPIRE', holders, p.retention) end
end

local function leave_thread(tenant, id)
  local lane = threads(platform_of(tenant))
  redis.call('ZREM', keys.waiters(lane), id)
  if redis.call('ZREM', keys.holders(lane), id) == 0 then return end
  wake_for_threads(lane)
  local due = redis.call('ZRANGEBYSCORE', keys.due, '-inf', now(), 'LIMIT', 0, 1)[1]
  if due then ring(due) end -- it may have waited for this thread
end
