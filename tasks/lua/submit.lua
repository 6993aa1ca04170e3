-- Store a desired state and make sure that a replication of it will run. Answers the replication's id.
-- p: tenant, desired (absent: what is stored; read here, so that no older content overtakes a newer one),
--    deletion (JSON text; the tenant is to be deleted), restore (a request to delete it is withdrawn),
--    replication (id to use for a new one), again (wake what waits), anew (one that has passed a step is not enough)
local owner = tenant_key(p.tenant)
if p.deletion then
  if redis.call('HEXISTS', owner, 'deleted_at') == 1 then return redis.call('HGET', owner, 'last') end
  redis.call('HSETNX', owner, 'deletion', p.deletion)
elseif p.desired or p.restore then -- the newest word is that the tenant is to be there
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
  redis.call('HSET', replication_key(id), 'chain', chain, 'desired', p.desired, 'digest', digest)
end

local function create(slot)
  local id = p.replication
  redis.call('HSET', replication_key(id),
    'id', id, 'tenant', p.tenant, 'state', 'QUEUED', 'step', 0, 'dispatch', 0, 'sends', 0, 'holder', '', 'lease', 0,
    'requested_at', p.at, 'pace', '{}', 'cancel', 0)
  set_content(id)
  redis.call('HSET', owner, slot, id)
  emit_state(p.tenant, id, 'QUEUED')
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
  return following
end

local current = redis.call('HGET', owner, 'current') or ''
if current ~= '' and field(current, 'cancel') == '0' then
  local same = field(current, 'digest') == digest
  if same and p.again and field(current, 'state') == 'WAITING' then look_now(current) end
  if same and not (p.anew and tonumber(field(current, 'step')) > 0) then return current end
  if not field(current, 'started_at') then -- nobody has begun: no need for two
    set_content(current)
    return current
  end
end
if current ~= '' then
  local id = create('next')
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

local id = create('current')
redis.call('HSET', owner, 'last', id, 'state', 'QUEUED')
look_now(id)
return id
