-- Take the lease of a replication for one step. Answers what the step needs, as an object (JSON text), or nothing: the
-- message is stale, or somebody runs the replication already.
local key = keys.replication(p.replication)
local tenant, chain, state, dispatch, step, lease, holder, cancel =
  unpack(redis.call('HMGET', key, 'tenant', 'chain', 'state', 'dispatch', 'step', 'lease', 'holder', 'cancel'))
if not tenant or p.tenant ~= tenant or chain ~= p.chain then -- we have sent nothing of the kind
  redis.call('HINCRBY', keys.rejected, p.unknown, 1)
  return false
end
if not redis.call('ZSCORE', keys.due, p.replication) then return false end
if tonumber(dispatch) ~= p.dispatch or tonumber(step) ~= p.step then return false end
-- The same holder asks again when the answer to its first request was lost.
if tonumber(lease) > now() and holder ~= p.holder then return false end
if cancel == '1' then
  finish(tenant, p.replication, 'CANCELLED')
  return false
end
if is_paused(tenant) then
  suspend(tenant, p.replication)
  return false
end
local look_at = redis.call('HGET', key, 'look_at')
redis.call('HSET', key, 'holder', p.holder, 'lease', now() + p.lease, 'sends', 0)
redis.call('HSETNX', key, 'started_at', p.at)
redis.call('HDEL', key, 'woken') -- it sees from here on what it was woken for
set_due(p.replication, now() + p.lease)
keep_thread(tenant, p.replication, now() + p.lease)
if state ~= 'RUNNING' then
  set_state(tenant, p.replication, 'RUNNING')
  emit_state(tenant, p.replication, 'RUNNING')
end
local document = redis.call('HGET', key, 'step:' .. p.step)
if not document then
  emit(tenant, cjson.encode({type = 'step', replication = p.replication, name = p.name, state = 'RUNNING', at = p.at}))
end
local function field(name) return redis.call('HGET', key, name) or nil end
local function of_tenant(name) return redis.call('HGET', keys.tenant(tenant), name) or nil end
return cjson.encode({
  desired = field('desired'),
  handles = of_tenant('handles'),
  document = document or nil,
  retry_state = field('retry_state'),
  asked_at = field('requested_at'),
  failed = field('failed'),
  error = field('error'),
  deletion = of_tenant('deletion'),
  doubt = field('doubt'),
  first = field('first'),
  asked_by = field('requested_by'),
  stray = stray_for(tenant) or nil,
  at = now(),
  late = look_at and math.max(now() - look_at, 0) or 0,
})
