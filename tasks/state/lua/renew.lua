-- Keep a lease, and write handles ahead when they are given. Answers 1, or 0 when somebody else has the lease now.
local key = keys.replication(p.replication)
if redis.call('HGET', key, 'holder') ~= p.holder then return 0 end
redis.call('HSET', key, 'lease', now() + p.lease)
redis.call('ZADD', keys.due, 'XX', now() + p.lease, p.replication)
local tenant = redis.call('HGET', key, 'tenant')
keep_thread(tenant, p.replication, now() + p.lease)
if p.handles then
  redis.call('HSET', keys.tenant(tenant), 'handles', p.handles)
  claim_known(p.handles, tenant)
end
return 1
