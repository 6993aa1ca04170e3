-- The life of a replication beside its steps: suspended while it is paused, remembered, ended.

-- Tell whether nothing is to run for a tenant now: it is paused, or its platform is.
local function is_paused(tenant)
  local own, platform = unpack(redis.call('HMGET', keys.pauses, tenant, platform_of(tenant)))
  return own or platform
end

-- Suspend a replication that nobody runs, because it is paused. Others take meanwhile what it held or waited for.
-- resume.lua makes it due again.
local function suspend(tenant, id)
  redis.call('HSET', keys.replication(id), 'suspended', 1)
  set_due(id, 'inf')
  leave_thread(tenant, id)
  leave_all(id, p.linger)
  if redis.call('HGET', keys.replication(id), 'state') == 'RUNNING' then
    set_state(tenant, id, 'WAITING')
    emit_state(tenant, id, 'WAITING')
  end
end

-- Add a replication to its tenant's history, and drop those whose records are gone.
local TEN_YEARS = 315360000000 -- ms: until the replication ends. Our Redis user need not be allowed PERSIST.
local function remember(tenant, id)
  local history = keys.history(tenant)
  local before = redis.call('ZRANGE', history, 0, -1, 'WITHSCORES')
  for position = 1, #before, 2 do
    if redis.call('EXISTS', keys.replication(before[position])) == 1 then break end
    redis.call('ZREM', history, before[position])
  end
  local newest = before[#before] or 0
  redis.call('ZADD', history, newest + 1, id)
  redis.call('PEXPIRE', history, TEN_YEARS)
end

-- Note at the tenant that a replication has ended, and start the one that was asked for meanwhile.
local function start_following(tenant, id, state)
  local owner = keys.tenant(tenant)
  local following = redis.call('HGET', owner, 'next') or ''
  if following == id then -- it ends before its turn came, so the one that runs goes on
    redis.call('HSET', owner, 'next', '')
    return
  end
  redis.call('HSET', owner, 'current', following, 'next', '')
  set_tenant_state(tenant, state)
  if following == '' then
    redis.call('PEXPIRE', keys.history(tenant), p.retention)
  else
    redis.call('HSET', owner, 'last', following)
    set_state(tenant, following, 'QUEUED')
    look_now(following)
    sort_in(following) -- it may have been handed places
  end
end

-- Tell whether the one that runs next does the same work. What a deletion does not do would keep its place for as long as
-- the deletion waits for a person.
local function is_replaced(owner, id)
  local following = redis.call('HGET', owner, 'next') or ''
  local function chain(of) return redis.call('HGET', keys.replication(of), 'chain') end
  return following ~= '' and following ~= id and chain(following) == chain(id)
end

-- End a replication: give its places back, and start the one that was asked for meanwhile.
local function finish(tenant, id, state)
  local key, owner = keys.replication(id), keys.tenant(tenant)
  redis.call('HSET', key, 'state', state, 'ended_at', p.at, 'holder', '', 'lease', 0)
  count_replication(tenant, id)
  redis.call('ZREM', keys.due, id)
  leave_thread(tenant, id)
  redis.call('ZREM', keys.urgent, id)
  redis.call('PEXPIRE', key, p.retention)
  local replaced = state == 'CANCELLED' and is_replaced(owner, id)
  if replaced then hand_over(id, redis.call('HGET', owner, 'next')) end
  leave_all(id, state == 'SUCCEEDED' and 0 or p.linger)
  local gate = replaced and redis.call('HGET', key, 'gate')
  if gate then probe_now(gate) end
  emit_state(tenant, id, state)
  local ordered = fields(owner, 'deletion', 'deleted_at')
  local deleted = ordered.deleted_at
  if ordered.deletion and state == 'SUCCEEDED' and redis.call('HGET', key, 'chain') == p.deletion_chain then
    deleted = p.at
    redis.call('HSET', owner, 'deleted_at', deleted)
    set_tenant_state(tenant)
    set_lifecycle(tenant)
  end
  if deleted then
    redis.call('ZREM', keys.replicated, tenant) -- nothing is left to keep right
  else
    redis.call('ZADD', keys.replicated, now(), tenant)
  end
  start_following(tenant, id, state)
end
