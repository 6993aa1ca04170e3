-- Go on holding our runs, and take over some that nobody holds any more: their runner has ended or died.
-- Answers the runs that are somebody else's by now, and those that are ours from now on.
local time, lost, taken = now(), {}, {}
redis.call('ZADD', keys.runners, time, p.holder)
redis.call('ZREMRANGEBYSCORE', keys.runners, '-inf', time - 86400000)
if redis.call('GET', keys.claimer) == p.holder then redis.call('PEXPIRE', keys.claimer, p.lease) end
for _, run in ipairs(p.runs) do
  if redis.call('HGET', keys.run(run), 'holder') == p.holder and redis.call('ZSCORE', keys.runs, run) then
    redis.call('ZADD', keys.runs, time + p.lease, run)
  else
    lost[#lost + 1] = run
  end
end
if p.most > 0 then
  for _, run in ipairs(redis.call('ZRANGEBYSCORE', keys.runs, '-inf', time, 'LIMIT', 0, p.most)) do
    if redis.call('EXISTS', keys.run(run)) == 1 then
      redis.call('HSET', keys.run(run), 'holder', p.holder)
      redis.call('ZADD', keys.runs, time + p.lease, run)
      taken[#taken + 1] = run
    else
      redis.call('ZREM', keys.runs, run) -- its record is gone: meshStack hands the run out again
    end
  end
end
return {lost, taken}
