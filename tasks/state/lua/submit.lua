-- Store a desired state and make sure that a replication of it will run. Answers the replication's id, or {the tenant
-- that has the ordered account}, or nothing: the request to delete it cannot be withdrawn any more.
-- p: tenant, account (optional: id of the account to take over),
--    desired (absent: what is stored; read here, so that no older content overtakes a newer one),
--    deletion (JSON text; the tenant is to be deleted), restore (a request to delete it is withdrawn),
--    replication (id to use for a new one), again (wake what waits), anew (one that has passed a step is not enough),
--    doubt (nor is one that has begun: it runs on what may not be so any more),
--    by (optional: who asks), from (optional: index of the step to begin with), of (the chain that it belongs to),
--    daily (nobody asks but the day: a new one may believe the snapshot)
local owner = tenant_key(p.tenant)
if p.account then
  local other = claim(p.account, p.tenant)
  if other then return {other} end -- and nothing is stored
end
local deleted = redis.call('HEXISTS', owner, 'deleted_at') == 1
if p.deletion then
  if deleted then return redis.call('HGET', owner, 'last') end
  redis.call('HSETNX', owner, 'deletion', p.deletion)
elseif p.restore then
  local request = redis.call('HGET', owner, 'deletion')
  if deleted or not request or cjson.decode(request).approvedAt then return false end
  redis.call('HDEL', owner, 'deletion')
elseif p.desired then -- the newest word is that the tenant is to be there
  redis.call('HDEL', owner, 'deletion', 'deleted_at')
end
if p.desired then
  redis.call('HSET', owner, 'updated_at', p.at)
else
  p.desired = redis.call('HGET', owner, 'desired')
end
local chain = redis.call('HEXISTS', owner, 'deletion') == 1 and p.chains.delete or p.chains.replicate
local digest = redis.sha1hex(chain .. ' ' .. p.desired)
local function field(id, name) return redis.call('HGET', replication_key(id), name) end

local function set_content(id)
  local key = replication_key(id)
  redis.call('HSET', key, 'chain', chain, 'desired', p.desired, 'digest', digest)
  if p.by then redis.call('HSET', key, 'requested_by', p.by) else redis.call('HDEL', key, 'requested_by') end
  if redis.call('HDEL', key, 'from') == 1 then redis.call('HSET', key, 'step', 0) end -- new content needs every step
end

local function create(slot)
  local id = p.replication
  redis.call('HSET', replication_key(id),
    'id', id, 'tenant', p.tenant, 'state', 'QUEUED', 'step', 0, 'dispatch', 0, 'sends', 0, 'holder', '', 'lease', 0,
    'requested_at', p.at, 'retry_state', '{}', 'cancel', 0)
  set_content(id)
  if p.from and p.of == chain then redis.call('HSET', replication_key(id), 'step', p.from, 'from', p.from) end
  if p.daily then redis.call('HSET', replication_key(id), 'daily', 1) end
  redis.call('HSET', owner, slot, id)
  remember(p.tenant, id)
  emit_state(p.tenant, id, 'QUEUED')
  return id
end

local function told(id)
  local key, from = replication_key(id), tonumber(field(id, 'from') or 'nan')
  if p.doubt then redis.call('HSET', key, 'doubt', 1) end
  if not p.daily then redis.call('HDEL', key, 'daily') end -- somebody asks: no snapshot is an answer
  if p.doubt and from == from then redis.call('HSET', key, 'step', 0, 'from', 0) end
  if p.from and p.from < from then redis.call('HSET', key, 'step', p.from, 'from', p.from) end
  return id
end

redis.call('ZADD', p.prefix .. 'tenants', 0, p.tenant)
redis.call('SADD', p.prefix .. 'platforms', platform_of(p.tenant))
redis.call('HSETNX', owner, 'created_at', p.at)
redis.call('HSETNX', owner, 'handles', '{}')
redis.call('HSET', owner, 'desired', p.desired)

local following = redis.call('HGET', owner, 'next') or ''
if following ~= '' then -- newest content wins: what waits to run next takes it
  set_content(following)
  return told(following)
end

local current = redis.call('HGET', owner, 'current') or ''
if current ~= '' and field(current, 'cancel') == '0' then
  local same = field(current, 'digest') == digest
  if same and p.again and field(current, 'state') == 'WAITING' then look_now(current) end
  local begun = field(current, 'started_at')
  local enough = not (p.anew and tonumber(field(current, 'step')) > 0) and not ((p.doubt or p.from) and begun)
  if same and enough and not (field(current, 'from') and not p.from) then
    return told(current)
  end
  if not begun then -- no need for two
    set_content(current)
    return told(current)
  end
end
if current ~= '' then
  local id = told(create('next'))
  -- A newer order does not wait with one that waits for a person, for days perhaps, nor behind the opposite.
  local opposite = field(current, 'chain') ~= chain
  if opposite or field(current, 'parked') == '1' then
    if tonumber(field(current, 'lease')) <= now() then
      finish(p.tenant, current, 'CANCELLED')
    elseif opposite then
      redis.call('HSET', replication_key(current), 'cancel', 1) -- after the call that runs now
    end
  end
  return id
end

local id = told(create('current'))
redis.call('HSET', owner, 'last', id, 'state', 'QUEUED')
look_now(id)
return id
