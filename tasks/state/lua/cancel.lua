-- Cancel a replication: at once when nobody runs it, else as soon as the running call is recorded.
-- p: replication. Answers the state before, or nothing when it is unknown.
local key = replication_key(p.replication)
local tenant, state, lease = unpack(redis.call('HMGET', key, 'tenant', 'state', 'lease'))
if not tenant then return false end
if state == 'SUCCEEDED' or state == 'FAILED' or state == 'CANCELLED' then return state end
if tonumber(lease) > now() then
  redis.call('HSET', key, 'cancel', 1)
else
  finish(tenant, p.replication, 'CANCELLED')
end
return state
