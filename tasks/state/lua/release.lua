-- Let other runners have some of our runs at once.
for _, run in ipairs(p.runs) do
  local key = keys.run(run)
  if redis.call('HGET', key, 'holder') == p.holder then
    redis.call('HSET', key, 'holder', '')
    if redis.call('ZSCORE', keys.runs, run) then redis.call('ZADD', keys.runs, 0, run) end
  end
end
redis.call('ZREM', keys.runners, p.holder)
