-- A stray call has ended: what runs for the tenant now looks again. Answers 1, or 0 when it may have looked already as if
-- the call had been over, because its entry had ended before: then somebody must look once more.
local owner = keys.tenant(p.tenant)
local current = redis.call('HGET', owner, 'current') or ''
local ran = tonumber(redis.call('ZSCORE', keys.strays(p.tenant), p.holder) or 0) > now()
if ran and p.let_in then -- AWS may take as long as ever, from now on, to show whom it has let in
  keep_stray(p.tenant, p.holder, 0)
else
  redis.call('ZREM', keys.strays(p.tenant), p.holder)
end
leave_thread(p.tenant, p.holder)
local step, holder = unpack(redis.call('HMGET', keys.replication(current), 'step', 'holder'))
local in_time = ran and step == '0'
if in_time and p.wrote then
  redis.call('HSET', keys.replication(current), 'doubt', 1)
  redis.call('HDEL', keys.replication(current), 'doubted') -- one of before may be written down already
end
if in_time and holder == '' then look_now(current) end
return (in_time or not p.wrote) and 1 or 0
