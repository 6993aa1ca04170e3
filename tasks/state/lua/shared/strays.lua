-- Stray calls: those that a replaced replication was making when it gave way, and that AWS has not answered yet. Whoever
-- makes one renews its entry until then, and makes no other call. So the first step of the newer replication runs beside
-- it, and once more after it (verdict.py): what such a call still does is seen, and taken away again.
-- For how long (ms) a stray call of the tenant may run still; how long ago the last one ended, as a negative number; or
-- nothing: there was none since the first step of a replication was done.
local function stray_for(tenant)
  local last = redis.call('ZRANGE', keys.strays(tenant), -1, -1, 'WITHSCORES')[2]
  return last and tonumber(last) - now()
end

local function keep_stray(tenant, holder, time)
  redis.call('ZADD', keys.strays(tenant), now() + time, holder)
  redis.call('PEXPIRE', keys.strays(tenant), ttl.strays)
end
