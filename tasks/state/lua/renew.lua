-- Keep a lease, and write handles ahead when given. Answers 1, or 0 when the lease is somebody else's now.
-- p: replication, holder, lease (ms), handles (optional JSON text)
local key = replication_key(p.replication)
if redis.call('HGET', key, 'holder') ~= p.holder then return 0 end
redis.call('HSET', key, 'lease', now() + p.lease)
redis.call('ZADD', DUE, 'XX', now() + p.lease, p.replication)
local tenant = redis.call('HGET', key, 'tenant')
keep_thread(tenant, p.replication, now() + p.lease)
if p.handles then
  redis.call('HSET', tenant_key(tenant), 'handles', p.handles)
  claim_known(p.handles, tenant)
end
return 1
