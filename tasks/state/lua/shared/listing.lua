-- What lists and metrics are asked by is kept where it changes, so that nobody reads every tenant to show a few.
local function platform_of(tenant) return string.match(tenant, '[^.]+%.[^.]+$') end

-- List a tenant under a new value of something, and no longer under the one before.
local function list_under(tenant, what, value, before)
  if before == value then return end
  if before then redis.call('ZREM', keys.tenants_by(what .. ' ' .. before), tenant) end
  redis.call('ZADD', keys.tenants_by(what .. ' ' .. value), 0, tenant)
end

-- Count a tenant where it stands: by platform, and by its state, or as DELETED.
local function count_tenant(tenant)
  local state, deleted, before = unpack(redis.call('HMGET', keys.tenant(tenant), 'state', 'deleted_at', 'counted'))
  local group = platform_of(tenant) .. '\t' .. (deleted and 'DELETED' or state)
  if before == group then return end
  if before then redis.call('HINCRBY', keys.tenant_counts, before, -1) end
  redis.call('HINCRBY', keys.tenant_counts, group, 1)
  redis.call('HSET', keys.tenant(tenant), 'counted', group)
end

local function set_tenant_state(tenant, state)
  list_under(tenant, 'state', state, redis.call('HGET', keys.tenant(tenant), 'state'))
  redis.call('HSET', keys.tenant(tenant), 'state', state)
  count_tenant(tenant)
end

-- List a tenant; one that is listed already stays so.
local function list_tenant(tenant)
  if redis.call('ZADD', keys.tenants, 0, tenant) == 0 then return end
  local project = string.match(tenant, '^[^.]+%.([^.]+)')
  list_under(tenant, 'project', project)
  list_under(tenant, 'platform', platform_of(tenant))
  redis.call('SADD', keys.platforms, platform_of(tenant))
end

local function set_landing_zone(tenant, zone)
  list_under(tenant, 'zone', zone, redis.call('HGET', keys.tenant(tenant), 'landing_zone'))
  redis.call('HSET', keys.tenant(tenant), 'landing_zone', zone)
end

-- Count a replication where it stands: by platform, and by its state, or as PARKED; none that has ended.
local function count_replication(tenant, id)
  local key = keys.replication(id)
  local state, parked, before, asked, ended = unpack(
    redis.call('HMGET', key, 'state', 'parked', 'counted', 'asked', 'ended_at'))
  local group = platform_of(tenant) .. '\t' .. (parked == '1' and state ~= 'RUNNING' and 'PARKED' or state)
  if before == group and not ended then return end
  if before then redis.call('ZREM', keys.under_way(before), id) end
  if ended then return end
  redis.call('ZADD', keys.under_way(group), asked, id)
  redis.call('HSET', key, 'counted', group)
end
