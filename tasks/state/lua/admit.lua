-- Store a run that meshStack has handed out, and hold it: whom it is handed to has it, whoever had it before. Answers what
-- is stored of it, and whether another runner was working on it, who learns of it when it renews its leases.
local key, time = keys.run(p.run), now()
local held_until = tonumber(redis.call('ZSCORE', keys.runs, p.run) or 0)
local record, holder = unpack(redis.call('HMGET', key, 'record', 'holder'))
local others = held_until > time and holder ~= '' and holder ~= p.holder
if not record then
  record = p.record
  redis.call('HSET', key, 'record', record)
end
redis.call('HSET', key, 'holder', p.holder)
redis.call('PEXPIRE', key, ttl.run)
redis.call('ZADD', keys.runs, time + p.lease, p.run)
if p.token then redis.call('SET', keys.run_token(p.run), p.token, 'PX', ttl.run_token) end
local block = keys.block(p.block)
if p.number >= tonumber(redis.call('HGET', block, 'number') or p.number) then
  redis.call('HSET', block, 'number', p.number, 'run', p.run)
end
redis.call('PEXPIRE', block, p.retention)
return {record, others and 1 or 0}
