-- Approve the request to delete a tenant. Answers the request as it stands then (JSON text), or nothing: there is none,
-- or it is done.
local owner = keys.tenant(p.tenant)
local stored = redis.call('HGET', owner, 'deletion')
if not stored or redis.call('HEXISTS', owner, 'deleted_at') == 1 then return false end
local deletion = cjson.decode(stored)
if not deletion.approvedAt then
  deletion.approvedAt, deletion.approvedBy = p.at, p.by
  redis.call('HSET', owner, 'deletion', cjson.encode(deletion))
  touch(p.tenant)
  wake_up(redis.call('HGET', owner, 'current') or '') -- it may wait for this
end
return redis.call('HGET', owner, 'deletion')
