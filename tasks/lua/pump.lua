-- Take what is due, as long as the queue is short, and raise its dispatch number.
-- The queue is kept short on purpose: a backlog waits here in the due index, where it cannot multiply into messages.
-- p: queue, room (messages the queue may hold), lease (ms), longest (ms), worker
-- Answers a flat list: tenant, replication, chain, step index, dispatch number, …
local time = now()
redis.call('ZADD', p.prefix .. 'workers', time, p.worker)
redis.call('ZREMRANGEBYSCORE', p.prefix .. 'workers', '-inf', time - 86400000)
local waiting = redis.call('LLEN', p.queue)
local room = p.room - waiting
local taken = {}
if room <= 0 then return taken end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', time, 'LIMIT', 0, room)) do
  local key = replication_key(id)
  local tenant, chain, step, cancel = unpack(redis.call('HMGET', key, 'tenant', 'chain', 'step', 'cancel'))
  if not tenant then
    redis.call('ZREM', DUE, id)
  elseif cancel == '1' then
    finish(tenant, id, 'CANCELLED')
  else
    local dispatch = redis.call('HINCRBY', key, 'dispatch', 1)
    -- Time for the message to be taken before it counts as lost; doubled each time, so that slow workers still get it.
    -- While the queue is empty nobody is slow: what was sent before is lost.
    if waiting == 0 then redis.call('HSET', key, 'sends', 0) end
    local sends = redis.call('HINCRBY', key, 'sends', 1)
    redis.call('HSET', key, 'holder', '', 'lease', 0)
    redis.call('ZADD', DUE, time + math.min(p.lease * 2 ^ (sends - 1), p.longest), id)
    for _, value in ipairs({tenant, id, chain, step, dispatch}) do table.insert(taken, tostring(value)) end
  end
end
return taken
