-- Shared by every script. Each script gets one JSON argument `p` (tasks/state/store.py adds prefix, history, retention, at,
-- and the names of the chains that replicate and that delete).
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

-- Note that an account is a tenant's. Answers the other tenant that has it, or has ordered it, as the records say now:
-- the index only names whom to ask.
local function claim(account, tenant)
  local index = p.prefix .. 'accounts'
  local other = redis.call('HGET', index, account)
  if other and other ~= tenant then
    local desired, handles, deleted = unpack(redis.call('HMGET', tenant_key(other), 'desired', 'handles', 'deleted_at'))
    if handles and cjson.decode(handles).account_id == account then return other end
    if desired and not deleted and cjson.decode(desired).platformTenantId == account then return other end
  end
  redis.call('HSET', index, account, tenant)
end

-- Note whose account the handles name, if they name one.
local function claim_known(handles, tenant)
  local account = cjson.decode(handles).account_id
  if account then claim(account, tenant) end
end

-- Tell people about a tenant: news is kept until it is delivered (tasks/notifications/outbox.py), and not told twice in a row.
-- sign: what it is about; empty: all is well, which is worth telling to those who were told otherwise
local NEWS = 10000 -- entries of about 1 kB: what does not fit while nobody takes it is counted as dropped, oldest first
local function tell(tenant, sign, news)
  local told, key = p.prefix .. 'told', p.prefix .. 'news'
  if (redis.call('HGET', told, tenant) or '') == sign then return end
  if sign == '' then redis.call('HDEL', told, tenant) else redis.call('HSET', told, tenant, sign) end
  redis.call('XADD', key, '*', 'data', news)
  local lost = redis.call('XTRIM', key, 'MAXLEN', NEWS)
  if lost > 0 then redis.call('HINCRBY', p.prefix .. 'counts', 'notifications dropped', lost) end
end

-- Let somebody look at a replication at once: one worker's pump that rests hears the bell.
local function look_now(id)
  local bell = p.prefix .. 'bell'
  redis.call('ZADD', DUE, now(), id)
  if redis.call('LLEN', bell) == 0 then redis.call('RPUSH', bell, id) end
end

-- How much of a limit we use: all of it, or less for a while after AWS refused although we kept to it (others use it
-- too). Halved by slow.lua; back in full, step by step, within RECOVERY.
local RECOVERY = 30000
local function share(limit)
  local slowed = redis.call('HGET', p.prefix .. 'slowed', limit)
  if not slowed then return 1, 0 end
  local factor, since = string.match(slowed, '^(%S+) (%S+)$')
  factor = tonumber(factor) + (now() - tonumber(since)) / RECOVERY
  if factor < 1 then return factor, tonumber(since) end
  redis.call('HDEL', p.prefix .. 'slowed', limit)
  return 1, 0
end

-- The places that are free in a lane now. A place is held until +inf as long as its replication has not ended.
local function free_places(lane)
  redis.call('ZREMRANGEBYSCORE', holders_key(lane), '-inf', now())
  local limit = tonumber(redis.call('HGET', p.prefix .. 'lanes', lane) or '0')
  return math.max(1, math.floor(limit * share(lane))) - redis.call('ZCARD', holders_key(lane))
end

-- Wake the first waiters of a lane, as many as there are free places; the next one looks when a lingering place ends.
local function wake(lane)
  local free, time = math.max(free_places(lane), 0), now()
  for position, id in ipairs(redis.call('ZRANGE', waiters_key(lane), 0, free)) do
    local score = redis.call('ZSCORE', DUE, id)
    -- One that runs right now is at its lease; it asks again by itself when it finds the lane full.
    if score and position <= free and redis.call('HGET', replication_key(id), 'holder') == '' then
      if tonumber(score) > time then look_now(id) end
    elseif score and position > free then
      local ending = redis.call('ZRANGEBYSCORE', holders_key(lane), '-inf', '(inf', 'WITHSCORES', 'LIMIT', 0, 1)
      if ending[2] then redis.call('ZADD', DUE, 'XX', 'LT', ending[2], id) end
    end
  end
end

local function leave(lane, place)
  redis.call('ZREM', holders_key(lane), place)
  wake(lane)
end

-- The workers' threads that a platform's replications have: a lane for each platform, entered by the pump. A place is held
-- until the message or the lease counts as lost, which is why nothing else gives it back when a worker dies.
local function platform_of(tenant) return string.match(tenant, '[^.]+%.[^.]+$') end
local function threads(platform) return 'threads of ' .. platform end

local function keep_thread(tenant, id, time)
  local holders = holders_key(threads(platform_of(tenant)))
  redis.call('ZADD', holders, time, id)
  redis.call('PEXPIRE', holders, p.retention)
end

local function leave_thread(tenant, id)
  local lane = threads(platform_of(tenant))
  redis.call('ZREM', waiters_key(lane), id)
  if redis.call('ZREM', holders_key(lane), id) == 1 then wake(lane) end
end

-- Forget for which lanes a replication stands in line.
local function stop_waiting(id)
  for _, entry in ipairs(redis.call('SMEMBERS', places_key(id))) do
    local lane, place = string.match(entry, '^(.-)\t(.*)$')
    if place == '' then
      redis.call('ZREM', waiters_key(lane), id)
      redis.call('SREM', places_key(id), entry)
      wake(lane)
    end
  end
end

-- Give every place back. What an unsuccessful end leaves behind AWS may still work on, and AWS counts that and not us:
-- such a place lingers for a while.
local function leave_all(id, linger)
  local key = places_key(id)
  stop_waiting(id)
  for _, entry in ipairs(redis.call('SMEMBERS', key)) do
    local lane, place = string.match(entry, '^(.-)\t(.*)$')
    redis.call('ZADD', holders_key(lane), 'XX', now() + linger, place)
    wake(lane)
  end
  redis.call('DEL', key)
end

-- Whether nothing is to run for a tenant now: it is paused, or its platform is.
local function is_paused(tenant)
  local own, platform = unpack(redis.call('HMGET', p.prefix .. 'pauses', tenant, platform_of(tenant)))
  return own or platform
end

-- Put a replication that nobody runs aside while it is paused: what it held or stood in line for, others take meanwhile.
-- resume.lua makes it due again.
local ASIDE = 3600000 -- ms; this only heals a resume that was lost
local function put_aside(tenant, id)
  redis.call('HSET', replication_key(id), 'aside', 1)
  redis.call('ZADD', DUE, now() + ASIDE, id)
  leave_thread(tenant, id)
  leave_all(id, p.linger)
  if redis.call('HGET', replication_key(id), 'state') == 'RUNNING' then
    set_state(tenant, id, 'WAITING')
    emit_state(tenant, id, 'WAITING')
  end
end

-- Note a replication in its tenant's history, and drop those whose records have ended.
local function remember(tenant, id)
  local key = p.prefix .. 'history:' .. tenant
  for _, old in ipairs(redis.call('ZRANGE', key, 0, -1)) do
    if redis.call('EXISTS', replication_key(old)) == 1 then break end
    redis.call('ZREM', key, old)
  end
  redis.call('ZADD', key, now(), id)
  redis.call('PEXPIRE', key, 315360000000) -- ten years: until its end; our Redis user need not be allowed PERSIST
end

-- End a replication: its places are given back and the request that came meanwhile starts.
local function finish(tenant, id, state)
  local key = replication_key(id)
  redis.call('HSET', key, 'state', state, 'ended_at', p.at, 'holder', '', 'lease', 0)
  redis.call('ZREM', DUE, id)
  leave_thread(tenant, id)
  redis.call('PEXPIRE', key, p.retention)
  leave_all(id, state == 'SUCCEEDED' and 0 or p.linger)
  emit_state(tenant, id, state)
  redis.call('ZADD', p.prefix .. 'replicated', now(), tenant)
  local owner = tenant_key(tenant)
  local deletes = redis.call('HGET', key, 'chain') == p.chains.delete
  if deletes and state == 'SUCCEEDED' and redis.call('HEXISTS', owner, 'deletion') == 1 then
    redis.call('HSET', owner, 'deleted_at', p.at)
    redis.call('ZREM', p.prefix .. 'replicated', tenant) -- nothing is left to keep right
  end
  if redis.call('HGET', owner, 'next') == id then
    redis.call('HSET', owner, 'next', '')
    return
  end
  local following = redis.call('HGET', owner, 'next') or ''
  if following == '' then redis.call('PEXPIRE', p.prefix .. 'history:' .. tenant, p.retention) end
  redis.call('HSET', owner, 'current', following, 'next', '', 'state', state)
  if following ~= '' then
    redis.call('HSET', owner, 'last', following)
    set_state(tenant, following, 'QUEUED')
    look_now(following)
  end
end
