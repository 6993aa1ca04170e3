-- AWS refused although we kept a limit: use half of what we used, at most once a second however many were refused.
-- p: limits (names of lanes and rates)
local LEAST = 1 / 16
for _, limit in ipairs(p.limits) do
  local used, since = share(limit)
  if now() - since >= 1000 then
    redis.call('HSET', p.prefix .. 'slowed', limit, math.max(used / 2, LEAST) .. ' ' .. now())
  end
end
return 1
