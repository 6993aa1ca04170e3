-- Take the lease of a replication for one step. Answers what the step needs, as an object (JSON text), or nothing: the
-- message is stale, or somebody runs the replication already.
local key = keys.replication(p.replication)
local document = 'step:' .. p.step
local record = fields(key, 'tenant', 'chain', 'state', 'dispatch', 'step', 'lease', 'holder', 'cancel', 'look_at', 'woken',
  'started_at', 'desired', 'retry_state', 'requested_at', 'failed', 'error', 'doubt', 'doubted', 'first',
  'requested_by', 'joined', 'daily', 'urgent_since', 'trace', 'person', document)
local tenant = record.tenant
if not tenant or p.tenant ~= tenant or record.chain ~= p.chain then -- we have sent nothing of the kind
  redis.call('HINCRBY', keys.rejected, p.unknown, 1)
  return false
end
if not redis.call('ZSCORE', keys.due, p.replication) then return false end
if tonumber(record.dispatch) ~= p.dispatch or tonumber(record.step) ~= p.step then return false end
-- The same holder asks again when the answer to its first request was lost.
if tonumber(record.lease) > now() and record.holder ~= p.holder then return false end
if record.cancel == '1' then
  finish(tenant, p.replication, 'CANCELLED')
  return false
end
if is_paused(tenant) then
  suspend(tenant, p.replication)
  return false
end
local ending = now() + p.lease
redis.call('HSET', key, 'holder', p.holder, 'lease', ending, 'look_at', ending, 'sends', 0,
  'started_at', record.started_at or p.at)
if record.woken then redis.call('HDEL', key, 'woken') end -- it sees from here on what it was woken for
if record.joined then redis.call('HSET', key, 'joined_seen', record.joined) end -- see forget_joined
set_due(p.replication, ending)
keep_thread(tenant, p.replication, ending)
if record.state ~= 'RUNNING' then
  set_state(tenant, p.replication, 'RUNNING')
  if record.person ~= 'PARKED' then -- else it only tries again, and people are told what becomes of that
    emit_state(tenant, p.replication, 'RUNNING')
  end
end
if not record[document] then emit_running(tenant, p.replication, p.name) end
local owner = fields(keys.tenant(tenant), 'handles', 'deletion')
return cjson.encode({
  desired = record.desired,
  handles = owner.handles,
  document = record[document],
  retry_state = record.retry_state,
  asked_at = record.requested_at,
  failed = record.failed,
  error = record.error,
  deletion = owner.deletion,
  doubt = record.doubt,
  doubted = record.doubted,
  first = record.first,
  asked_by = record.requested_by,
  trace = record.trace,
  joined = record.joined,
  daily = record.daily,
  urgent_since = record.urgent_since,
  stray = stray_for(tenant) or nil,
  at = now(),
  late = record.look_at and math.max(now() - record.look_at, 0) or 0,
})
