-- Keep a lease, and write handles ahead when they are given. Answers 'kept', 'cancelled' when it is kept for the call that
-- runs now alone, 'left' when the lease was given up and that call is a stray one now, or 'lost' when somebody else has
-- it; or {what, whose} when the handles name something that is another tenant's, and then they were not written.
local key = keys.replication(p.replication)
local tenant, holder, cancel = unpack(redis.call('HMGET', key, 'tenant', 'holder', 'cancel'))
if holder ~= p.holder then
  if not tenant or p.handles or not redis.call('ZSCORE', keys.strays(tenant), p.holder) then return 'lost' end
  keep_stray(tenant, p.holder, p.lease)
  keep_thread(tenant, p.holder, now() + p.lease)
  return 'left'
end
if cancel == '1' and p.gives_way then
  keep_stray(tenant, p.holder, p.lease)
  finish(tenant, p.replication, 'CANCELLED')
  keep_thread(tenant, p.holder, now() + p.lease) -- it has its thread still
  return 'left'
end
redis.call('HSET', key, 'lease', now() + p.lease)
set_due(p.replication, now() + p.lease)
keep_thread(tenant, p.replication, now() + p.lease)
if p.handles then
  local what, whose = claim_all(p.handles, tenant)
  if what then return {what, whose} end
  redis.call('HSET', keys.tenant(tenant), 'handles', p.handles)
  if p.doubted then redis.call('HSET', key, 'doubted', 1) end
  forget_joined(key)
end
return cancel == '1' and 'cancelled' or 'kept'
