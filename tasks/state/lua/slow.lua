-- AWS has refused although we kept to a limit: use half of what we used. That is done at most once a second, however
-- many calls were refused.
local LEAST = 1 / 16
for _, limit in ipairs(p.limits) do
  local used, since = share(limit)
  if now() - since >= 1000 then
    redis.call('HSET', keys.slowed, limit, math.max(used / 2, LEAST) .. ' ' .. now())
  end
end
return 1
