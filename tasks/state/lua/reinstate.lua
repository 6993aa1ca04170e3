-- Put a tenant of a backup back, with its replications. When there is a tenant of that name nothing is changed.
-- Answers 1, or 0 when the tenant is there, or {what, whose} when it had something that is another tenant's by now.
local owner, history = keys.tenant(p.tenant), keys.history(p.tenant)
if redis.call('EXISTS', owner) == 1 then return 0 end
local what, whose = claim_all(p.fields.handles, p.tenant)
if what then return {what, whose} end
for position, fields in ipairs(p.replications) do
  local key = keys.replication(fields.id)
  for name, value in pairs(fields) do redis.call('HSET', key, name, value) end
  redis.call('PEXPIRE', key, p.retention)
  redis.call('ZADD', history, position, fields.id)
end
redis.call('PEXPIRE', history, p.retention)
list_tenant(p.tenant)
set_landing_zone(p.tenant, p.landing_zone)
set_tenant_state(p.tenant, p.fields.state)
for name, value in pairs(p.fields) do redis.call('HSET', owner, name, value) end
set_tenant_state(p.tenant) -- it may be one that is deleted
set_lifecycle(p.tenant)
redis.call('ZADD', keys.changed, p.changed, p.tenant)
if not p.fields.deleted_at then redis.call('ZADD', keys.replicated, 0, p.tenant) end
return 1
