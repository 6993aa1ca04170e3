-- Put back a tenant of a backup with its replications, unless there is one of that name: then nothing is changed.
-- p: tenant, fields (of its record), replications (a list of their fields, the oldest first), asked (ms, for each of them)
-- Answers 1, or 0 when the tenant is there.
local owner = tenant_key(p.tenant)
if redis.call('EXISTS', owner) == 1 then return 0 end
for _, fields in ipairs(p.replications) do
  local key = replication_key(fields.id)
  for name, value in pairs(fields) do redis.call('HSET', key, name, value) end
  redis.call('PEXPIRE', key, p.retention)
end
for position, fields in ipairs(p.replications) do
  redis.call('ZADD', p.prefix .. 'history:' .. p.tenant, p.asked[position], fields.id)
end
redis.call('PEXPIRE', p.prefix .. 'history:' .. p.tenant, p.retention)
for name, value in pairs(p.fields) do redis.call('HSET', owner, name, value) end
claim_known(p.fields.handles, p.tenant)
redis.call('ZADD', p.prefix .. 'tenants', 0, p.tenant)
redis.call('SADD', p.prefix .. 'platforms', platform_of(p.tenant))
if not p.fields.deleted_at then redis.call('ZADD', p.prefix .. 'replicated', 0, p.tenant) end
return 1
