-- What lists and metrics are asked by is kept where it changes, so that nobody reads every tenant to show a few.
local function platform_of(tenant) return string.match(tenant, '[^.]+%.[^.]+$') end

-- List a tenant under a new value of something, and no longer under the one before.
local function list_under(tenant, what, value, before)
  if before == value then return end
  if before then redis.call('ZREM', keys.tenants_by(what .. ' ' .. before), tenant) end
  redis.call('ZADD', keys.tenants_by(what .. ' ' .. value), 0, tenant)
end

-- Why a replication has failed: the code of its error.
local function cause_of(id)
  local error = id and redis.call('HGET', keys.replication(id), 'error')
  return error and cjson.decode(error).code or 'unknown'
end

-- List and count a tenant where it stands: by platform, and by its state, or as DELETED; one that has failed also by why.
-- `state` is a new one, or nothing.
local function set_tenant_state(tenant, state)
  local before, deleted, counted, last = unpack(
    redis.call('HMGET', keys.tenant(tenant), 'state', 'deleted_at', 'counted', 'last'))
  state = state or before
  local where = deleted and 'DELETED' or state
  local group = platform_of(tenant) .. '\t' .. where .. (where == 'FAILED' and '\t' .. cause_of(last) or '')
  list_under(tenant, 'state', state, before)
  if counted ~= group then
    if counted then redis.call('HINCRBY', keys.tenant_counts, counted, -1) end
    redis.call('HINCRBY', keys.tenant_counts, group, 1)
  end
  if before ~= state or counted ~= group then
    redis.call('HSET', keys.tenant(tenant), 'state', state, 'counted', group)
  end
end

-- List a tenant; one that is listed already stays so.
local function list_tenant(tenant)
  if redis.call('ZADD', keys.tenants, 0, tenant) == 0 then return end
  local project = string.match(tenant, '^[^.]+%.([^.]+)')
  list_under(tenant, 'project', project)
  list_under(tenant, 'platform', platform_of(tenant))
  redis.call('SADD', keys.platforms, platform_of(tenant))
end

-- List a tenant by where it stands in its life, after its request for deletion or its end was written.
local function set_lifecycle(tenant)
  local deletion, deleted, before = unpack(redis.call('HMGET', keys.tenant(tenant), 'deletion', 'deleted_at', 'lifecycle'))
  local lifecycle = deleted and 'DELETED' or deletion and 'MARKED_FOR_DELETION' or 'ACTIVE'
  list_under(tenant, 'lifecycle', lifecycle, before)
  if before ~= lifecycle then redis.call('HSET', keys.tenant(tenant), 'lifecycle', lifecycle) end
end

local function set_landing_zone(tenant, zone)
  list_under(tenant, 'zone', zone, redis.call('HGET', keys.tenant(tenant), 'landing_zone'))
  redis.call('HSET', keys.tenant(tenant), 'landing_zone', zone)
end

-- Count a replication where it stands: by platform, and by its state, or, when it waits for a person, as PARKED or
-- APPROVAL; none that has ended. `new` is a new state, or nothing.
local function count_replication(tenant, id, new)
  local key = keys.replication(id)
  local state, person, before, asked, ended = unpack(
    redis.call('HMGET', key, 'state', 'person', 'counted', 'asked', 'ended_at'))
  state = new or state
  local group = platform_of(tenant) .. '\t' .. (state ~= 'RUNNING' and person or state)
  local same = before == group and not ended
  if same and not new then return end
  if before and not same then redis.call('ZREM', keys.under_way(before), id) end
  if ended then return end
  if not same then redis.call('ZADD', keys.under_way(group), asked, id) end
  redis.call('HSET', key, 'state', state, 'counted', group)
end
