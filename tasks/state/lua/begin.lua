-- Take the lease of a replication for one step. Answers nothing when the message is stale or somebody runs it.
-- p: replication, dispatch, chain, step, name (of the step), holder, lease (ms),
--    tenant (optional: whose it must be), unknown (reason under which a message with unknown ids is counted)
-- Answers {desired, handles, step document, retry_state, when it was asked for, names of the failed steps, error, the request
-- to delete, 1 in doubt, who asked} as texts, most of them JSON.
local key = replication_key(p.replication)
local tenant, chain, state, dispatch, step, lease, holder, cancel =
  unpack(redis.call('HMGET', key, 'tenant', 'chain', 'state', 'dispatch', 'step', 'lease', 'holder', 'cancel'))
if not tenant or (p.tenant and p.tenant ~= tenant) or chain ~= p.chain then -- nothing that we sent
  redis.call('HINCRBY', p.prefix .. 'rejected', p.unknown, 1)
  return false
end
if not redis.call('ZSCORE', DUE, p.replication) then return false end
if tonumber(dispatch) ~= p.dispatch or tonumber(step) ~= p.step then return false end
-- The same holder asks again when the answer to its first request was lost.
if tonumber(lease) > now() and holder ~= p.holder then return false end
if cancel == '1' then
  finish(tenant, p.replication, 'CANCELLED')
  return false
end
if is_paused(tenant) then
  put_aside(tenant, p.replication)
  return false
end
redis.call('HSET', key, 'holder', p.holder, 'lease', now() + p.lease, 'sends', 0)
redis.call('HSETNX', key, 'started_at', p.at)
redis.call('ZADD', DUE, now() + p.lease, p.replication)
keep_thread(tenant, p.replication, now() + p.lease)
if state ~= 'RUNNING' then
  set_state(tenant, p.replication, 'RUNNING')
  emit_state(tenant, p.replication, 'RUNNING')
end
local document = redis.call('HGET', key, 'step:' .. p.step) or ''
if document == '' then
  emit(tenant, cjson.encode({type = 'step', replication = p.replication, name = p.name, state = 'RUNNING', at = p.at}))
end
return {
  redis.call('HGET', key, 'desired'),
  redis.call('HGET', tenant_key(tenant), 'handles'),
  document,
  redis.call('HGET', key, 'retry_state'),
  redis.call('HGET', key, 'requested_at'),
  redis.call('HGET', key, 'failed') or '[]',
  redis.call('HGET', key, 'error') or '',
  redis.call('HGET', tenant_key(tenant), 'deletion') or '',
  redis.call('HGET', key, 'doubt') or '',
  redis.call('HGET', key, 'requested_by') or '',
}
