-- Store a desired state and make sure that a replication of it will run. Answers the replication's id.
-- p: tenant, chain (its name), desired (absent: what is stored; read here, so that no older content overtakes a newer one),
--    replication (id to use for a new one), again (run although nothing changed)
local owner = tenant_key(p.tenant)
if p.desired then
  redis.call('HSET', owner, 'updated_at', p.at)
else
  p.desired = redis.call('HGET', owner, 'desired')
end
local digest = redis.sha1hex(p.desired)
local function field(id, name) return redis.call('HGET', replication_key(id), name) end

local function set_content(id)
  redis.call('HSET', replication_key(id), 'desired', p.desired, 'digest', digest)
end

local function create(slot)
  local id = p.replication
  redis.call('HSET', replication_key(id),
    'id', id, 'chain', p.chain, 'tenant', p.tenant, 'state', 'QUEUED', 'step', 0, 'dispatch', 0, 'sends', 0, 'holder', '', 'lease', 0,
    'requested_at', p.at, 'pace', '{}', 'cancel', 0)
  set_content(id)
  redis.call('HSET', owner, slot, id)
  emit_state(p.tenant, id, 'QUEUED')
  return id
end

redis.call('ZADD', p.prefix .. 'tenants', 0, p.tenant)
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
  if field(current, 'digest') == digest then
    if p.again and field(current, 'state') == 'WAITING' then look_now(current) end
    return current
  end
  if not field(current, 'started_at') then -- nobody has begun: no need for two
    set_content(current)
    return current
  end
end
if current ~= '' then
  local id = create('next')
  if field(current, 'parked') == '1' and tonumber(field(current, 'lease')) <= now() then
    finish(p.tenant, current, 'CANCELLED') -- it waits for a person, for days perhaps; a newer order does not wait with it
  end
  return id
end

local id = create('current')
redis.call('HSET', owner, 'last', id, 'state', 'QUEUED')
look_now(id)
return id
