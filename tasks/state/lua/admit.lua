-- Store a run that meshStack has handed out, and hold it. Answers what is stored of it, and whether we hold it: a run that
-- meshStack hands out again is continued by the runner that has it, or by us from where it stands.
local key, time = keys.run(p.run), now()
local held_until = tonumber(redis.call('ZSCORE', keys.runs, p.run) or 0)
local record, holder = unpack(redis.call('HMGET', key, 'record', 'holder'))
local ours = held_until <= time or holder == p.holder
if not record then
  record = p.record
  redis.call('HSET', key, 'record', record)
end
if ours then
  redis.call('HSET', key, 'holder', p.holder)
  redis.call('ZADD', keys.runs, time + p.lease, p.run)
end
redis.call('PEXPIRE', key, p.retention)
if p.token then redis.call('SET', keys.run_token(p.run), p.token, 'PX', ttl.run_token) end
local block = keys.block(p.block)
if p.number >= tonumber(redis.call('HGET', block, 'number') or p.number) then
  redis.call('HSET', block, 'number', p.number, 'run', p.run)
end
redis.call('PEXPIRE', block, p.retention)
return {record, ours and 1 or 0}
