-- Keep a lease, and write handles ahead when they are given. Answers 'kept', 'cancelled' when it is kept for the call that
-- runs now alone, or 'lost' when somebody else has it; or {what, whose} when the handles name something that is another
-- tenant's, and then they were not written.
local key = keys.replication(p.replication)
if redis.call('HGET', key, 'holder') ~= p.holder then return 'lost' end
redis.call('HSET', key, 'lease', now() + p.lease)
set_due(p.replication, now() + p.lease)
local tenant = redis.call('HGET', key, 'tenant')
keep_thread(tenant, p.replication, now() + p.lease)
if p.handles then
  local what, whose = claim_all(p.handles, tenant)
  if what then return {what, whose} end
  redis.call('HSET', keys.tenant(tenant), 'handles', p.handles)
end
return redis.call('HGET', key, 'cancel') == '1' and 'cancelled' or 'kept'
