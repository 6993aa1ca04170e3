-- Count some tenants, and some replications that have not ended, by platform and by where they stand; for metrics.
-- Answers an object (JSON text) with `tenants` and `replications`, both lists of groups, and with `more`: whether there
-- are more of either. A group has platform, state and count; one of replications also since: when its oldest was
-- asked for.
-- A state is the record's own, or DELETED (the tenant is gone), PAUSED (nothing runs for it until it is resumed), or
-- PARKED (it waits for a person).
local groups = {tenants = {}, replications = {}} -- group by platform and state

local function add(kind, platform, state, since)
  local name = platform .. '\t' .. state
  local group = groups[kind][name] or {platform = platform, state = state, count = 0, since = since}
  groups[kind][name] = group
  group.count = group.count + 1
  if since and since < group.since then group.since = since end -- texts of one form: the older one sorts first
end

local function list(kind)
  local answer = {}
  for _, group in pairs(groups[kind]) do table.insert(answer, cjson.encode(group)) end
  return '[' .. table.concat(answer, ',') .. ']' -- an empty table of Lua would be an object
end

local pauses = redis.call('EXISTS', keys.pauses) == 1
local names = redis.call('ZRANGE', keys.tenants, p.first, p.last)
for _, tenant in ipairs(names) do
  local state, deleted = unpack(redis.call('HMGET', keys.tenant(tenant), 'state', 'deleted_at'))
  if state then add('tenants', platform_of(tenant), deleted and 'DELETED' or state) end
end
local ids = redis.call('ZRANGE', keys.due, p.first, p.last)
for _, id in ipairs(ids) do
  local tenant, state, parked, asked =
    unpack(redis.call('HMGET', keys.replication(id), 'tenant', 'state', 'parked', 'requested_at'))
  if tenant then
    if state ~= 'RUNNING' then
      state = pauses and is_paused(tenant) and 'PAUSED' or parked == '1' and 'PARKED' or state
    end
    add('replications', platform_of(tenant), state, asked)
  end
end
local full = p.last - p.first + 1
return '{"tenants":' .. list('tenants') .. ',"replications":' .. list('replications') ..
  ',"more":' .. tostring(#names == full or #ids == full) .. '}'
