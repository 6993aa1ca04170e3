-- Cancel a replication: at once when nobody runs it, else as soon as the call that runs now is recorded.
-- Answers the state before, or nothing when the replication is unknown.
local key = keys.replication(p.replication)
local tenant, state, lease = unpack(redis.call('HMGET', key, 'tenant', 'state', 'lease'))
if not tenant then return false end
if state == 'SUCCEEDED' or state == 'FAILED' or state == 'CANCELLED' then return state end
if tonumber(lease) > now() then
  redis.call('HSET', key, 'cancel', 1)
else
  finish(tenant, p.replication, 'CANCELLED')
end
return state
