-- Write how far a run is; only who holds it may. Answers whether it was written.
local key = keys.run(p.run)
if redis.call('HGET', key, 'holder') ~= p.holder then return 0 end
if not redis.call('ZSCORE', keys.runs, p.run) then return 0 end
redis.call('HSET', key, 'record', p.record)
redis.call('PEXPIRE', key, p.kept or ttl.run)
if p.ended then
  redis.call('HSET', key, 'holder', '')
  redis.call('ZREM', keys.runs, p.run)
  redis.call('DEL', keys.run_token(p.run))
else
  redis.call('PEXPIRE', keys.run_token(p.run), ttl.run_token)
end
return 1
