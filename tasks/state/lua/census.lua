-- Count some tenants, and some replications that have not ended, by platform and by where they stand; for metrics.
-- p: first, last (ranks, from 0; in batches, because Redis does nothing else meanwhile)
-- Answers {tenants, open, whether there are more}; each of the first two is a flat list: platform, state, count,
-- requested_at of the oldest ('' for tenants), …
-- A state is the record's own, or DELETED (the tenant is gone), PAUSED (nothing runs for it until it is resumed), PARKED
-- (it waits for a person).
local function add(groups, platform, state, asked)
  local name = platform .. '\t' .. state
  local group = groups[name] or {platform, state, 0, asked}
  groups[name] = group
  group[3] = group[3] + 1
  if asked < group[4] then group[4] = asked end -- texts of one form: as old as they sort
end

local function flat(groups)
  local answer = {}
  for _, group in pairs(groups) do
    for _, value in ipairs(group) do table.insert(answer, value) end
  end
  return answer
end

local tenants, open = {}, {}
local pauses = redis.call('EXISTS', p.prefix .. 'pauses') == 1
local names = redis.call('ZRANGE', p.prefix .. 'tenants', p.first, p.last)
for _, tenant in ipairs(names) do
  local state, deleted = unpack(redis.call('HMGET', tenant_key(tenant), 'state', 'deleted_at'))
  if state then add(tenants, platform_of(tenant), deleted and 'DELETED' or state, '') end
end
local ids = redis.call('ZRANGE', DUE, p.first, p.last)
for _, id in ipairs(ids) do
  local tenant, state, parked, asked =
    unpack(redis.call('HMGET', replication_key(id), 'tenant', 'state', 'parked', 'requested_at'))
  if tenant then
    if state ~= 'RUNNING' then state = pauses and is_paused(tenant) and 'PAUSED' or parked == '1' and 'PARKED' or state end
    add(open, platform_of(tenant), state, asked)
  end
end
local full = p.last - p.first + 1
return {flat(tenants), flat(open), (#names == full or #ids == full) and 1 or 0}
