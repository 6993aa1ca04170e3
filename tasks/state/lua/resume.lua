-- Resume a tenant or a platform: what was suspended because of it is due now, unless it is also paused by the other
-- name. Answers 1, or 0 when that name was not paused.
if redis.call('HDEL', keys.pauses, p.name) == 0 then return 0 end
for _, id in ipairs(redis.call('ZRANGE', keys.due, 0, -1)) do
  local tenant, suspended = unpack(redis.call('HMGET', keys.replication(id), 'tenant', 'suspended'))
  if suspended and (tenant == p.name or platform_of(tenant) == p.name) and not is_paused(tenant) then
    redis.call('HDEL', keys.replication(id), 'suspended')
    look_now(id)
  end
end
return 1
