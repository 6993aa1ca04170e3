-- What people see of a tenant's replication, and the events of every change of it.

local function emit(tenant, event)
  redis.call('XADD', keys.events(tenant), 'MAXLEN', '~', p.history, '*', 'data', event)
end

local function emit_running(tenant, id, step)
  emit(tenant, cjson.encode({type = 'step', replication = id, name = step, state = 'RUNNING', at = p.at}))
end

-- Note that something of a tenant has changed just now: what was ordered, what AWS gave, or where it stands.
local touched = {} -- in this script
local function touch(tenant)
  if touched[tenant] then return end
  touched[tenant] = true
  redis.call('HSET', keys.tenant(tenant), 'updated_at', p.at)
  redis.call('ZADD', keys.changed, p.at_us, tenant)
end

local function emit_state(tenant, id, state)
  touch(tenant)
  emit(tenant, cjson.encode({type = 'replication', replication = id, state = state, at = p.at}))
  redis.call('PEXPIRE', keys.events(tenant), p.retention) -- what comes until the next state is much sooner
end

local function set_state(tenant, id, state)
  count_replication(tenant, id, state)
  set_tenant_state(tenant, state)
end
