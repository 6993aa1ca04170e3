-- Record how a step ended and give the lease back. Answers 1, or 0 when the lease is somebody else's now.
-- p: replication, holder, step, document (the step's, JSON text), retry_state, event, handles (optional JSON text),
--    next (optional: index of the step to go to), failed (names of the failed steps, JSON text), state (of the replication), due (ms from now), error (optional JSON text),
--    parked (1: a person must act first, 0), lane (optional: the full lane that it waits for),
--    polls (1: the step waits for work that AWS does for it, 0),
--    news, sign (optional: what to tell people, JSON text, and what it is about),
--    heard (optional: 1 when AWS answered any call, 0 when calls held the worker and AWS answered none)
local key = replication_key(p.replication)
if redis.call('HGET', key, 'holder') ~= p.holder then return 0 end
local tenant = redis.call('HGET', key, 'tenant')
redis.call('HSET', key, 'step:' .. p.step, p.document, 'retry_state', p.retry_state, 'holder', '', 'lease', 0, 'parked', p.parked)
if p.handles then
  redis.call('HSET', tenant_key(tenant), 'handles', p.handles)
  claim_known(p.handles, tenant)
end
redis.call('HSET', key, 'failed', p.failed)
if p.next then
  redis.call('HSET', key, 'step', p.next)
  stop_waiting(p.replication) -- a turn that nobody will take must not keep others waiting
else
  redis.call('HINCRBY', key, 'dispatch', 1) -- a message is used once: what is delivered again is stale
end
if p.error then redis.call('HSET', key, 'error', p.error) else redis.call('HDEL', key, 'error') end
emit(tenant, p.event)
local platform = platform_of(tenant)
if p.heard == 1 then redis.call('HDEL', p.prefix .. 'silent', platform) end
if p.heard == 0 then redis.call('HINCRBY', p.prefix .. 'silent', platform, 1) end
local ends, cancelled = p.state == 'SUCCEEDED' or p.state == 'FAILED', redis.call('HGET', key, 'cancel') == '1'
if p.news and (ends or not cancelled) then tell(tenant, p.sign, p.news) end
if ends then
  finish(tenant, p.replication, p.state)
elseif cancelled then
  finish(tenant, p.replication, 'CANCELLED')
else
  if redis.call('HGET', key, 'state') ~= p.state then
    set_state(tenant, p.replication, p.state)
    emit_state(tenant, p.replication, p.state)
  end
  redis.call('ZADD', DUE, now() + p.due, p.replication)
  if p.next and p.due > 0 then -- the chain goes on by itself: the next step has the same thread
    keep_thread(tenant, p.replication, now() + p.due)
  else
    leave_thread(tenant, p.replication)
  end
  if p.parked == 1 then leave_all(p.replication, 0) end -- AWS took nothing, and others need not wait for a person
  if p.polls == 1 then stop_waiting(p.replication) end -- it looks at work of its own when that ends, not in its turn
  if p.lane then wake(p.lane) end -- a place may have become free since the step found none
end
return 1
