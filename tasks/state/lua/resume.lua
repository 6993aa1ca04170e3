-- Resume a tenant or a platform: what was put aside for it is due now, unless it is paused by the other name too.
-- p: name. Answers 1, or 0 when it was not paused.
if redis.call('HDEL', p.prefix .. 'pauses', p.name) == 0 then return 0 end
for _, id in ipairs(redis.call('ZRANGE', DUE, 0, -1)) do
  local tenant, aside = unpack(redis.call('HMGET', replication_key(id), 'tenant', 'aside'))
  if aside and (tenant == p.name or platform_of(tenant) == p.name) and not is_paused(tenant) then
    redis.call('HDEL', replication_key(id), 'aside')
    look_now(id)
  end
end
return 1
