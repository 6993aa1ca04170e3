-- Shared by every script. Each script gets one JSON argument `p` (tasks/store.py adds prefix, history, retention, at).
-- Keys are built here and not passed in: Celery's Redis transport needs a single Redis, so Redis Cluster is no aim.
local p = cjson.decode(ARGV[1])
local DUE = p.prefix .. 'due'

local function tenant_key(id) return p.prefix .. 'tenant:' .. id end
local function replication_key(id) return p.prefix .. 'replication:' .. id end
local function places_key(id) return p.prefix .. 'places:' .. id end
local function holders_key(lane) return p.prefix .. 'lane:' .. lane .. ':holders' end
local function waiters_key(lane) return p.prefix .. 'lane:' .. lane .. ':waiters' end

-- Redis's clock, so that the workers' clocks need not agree. Milliseconds.
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function emit(tenant, event)
  local key = p.prefix .. 'events:' .. tenant
  redis.call('XADD', key, 'MAXLEN', '~', p.history, '*', 'data', event)
  redis.call('PEXPIRE', key, p.retention)
end

local function emit_state(tenant, id, state)
  emit(tenant, cjson.encode({type = 'replication', replication = id, state = state, at = p.at}))
end

local function set_state(tenant, id, state)
  redis.call('HSET', replication_key(id), 'state', state)
  redis.call('HSET', tenant_key(tenant), 'state', state)
end

-- Wake the first waiters of a lane, as many as there are free places; those that ended meanwhile lose their turn.
local function wake(lane)
  local holders, waiters, time = holders_key(lane), waiters_key(lane), now()
  redis.call('ZREMRANGEBYSCORE', holders, '-inf', time)
  local limit = tonumber(redis.call('HGET', p.prefix .. 'lanes', lane) or '0')
  local free = limit - redis.call('ZCARD', holders)
  for _, id in ipairs(redis.call('ZRANGE', waiters, 0, -1)) do
    if free <= 0 then return end
    local score = redis.call('ZSCORE', DUE, id)
    if not score then
      redis.call('ZREM', waiters, id)
    else
      -- One that runs right now is at its lease; it asks again by itself when it finds the lane full.
      if redis.call('HGET', replication_key(id), 'holder') == '' and tonumber(score) > time then
        redis.call('ZADD', DUE, time, id)
      end
      free = free - 1
    end
  end
end

local function leave(lane, place)
  redis.call('ZREM', holders_key(lane), place)
  wake(lane)
end

local function leave_all(id)
  local key = places_key(id)
  for _, entry in ipairs(redis.call('SMEMBERS', key)) do
    local lane, place = string.match(entry, '^(.-)\t(.*)$')
    leave(lane, place)
  end
  redis.call('DEL', key)
end

-- End a replication: its places are given back and the request that came meanwhile starts.
local function finish(tenant, id, state)
  local key = replication_key(id)
  redis.call('HSET', key, 'state', state, 'ended_at', p.at, 'holder', '', 'lease', 0)
  redis.call('ZREM', DUE, id)
  redis.call('PEXPIRE', key, p.retention)
  leave_all(id)
  emit_state(tenant, id, state)
  redis.call('ZADD', p.prefix .. 'replicated', now(), tenant)
  local owner = tenant_key(tenant)
  if redis.call('HGET', owner, 'next') == id then
    redis.call('HSET', owner, 'next', '')
    return
  end
  local following = redis.call('HGET', owner, 'next') or ''
  redis.call('HSET', owner, 'current', following, 'next', '', 'state', state)
  if following ~= '' then
    redis.call('HSET', owner, 'last', following)
    set_state(tenant, following, 'QUEUED')
    redis.call('ZADD', DUE, now(), following)
  end
end
