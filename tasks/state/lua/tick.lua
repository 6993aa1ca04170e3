-- Take what beat is to send now: a tick is due when it was last taken at least its interval ago, or never. Of several
-- beats one gets a tick.
-- Answers for how long (ms) nothing else is due, and the names of the ticks.
local time, rest, due = now(), math.huge, {}
for name, interval in pairs(p.every) do
  local left = tonumber(redis.call('HGET', keys.ticks, name) or 0) + interval - time
  if left <= 0 then
    redis.call('HSET', keys.ticks, name, time)
    due[#due + 1], left = name, interval
  end
  rest = math.min(rest, left)
end
return {rest, due}
