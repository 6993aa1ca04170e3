-- Store what is asked for a tenant, and make sure that a replication of it will run. What is asked is the verb:
--   order      make the tenant as `desired` says; that withdraws a request to delete it
--   replicate  make it once more as is stored: read here, so that no older content overtakes a newer one
--   doubt      the same from the first step on, because what a replication under way rests on may not be so any more
--   delete     delete it: `deletion` is the request. A tenant that nobody knows is as `desired` says
--   restore    withdraw the request to delete it
-- Answers the replication's id, or {the tenant that has the ordered account}, or nothing: the request to delete the
-- tenant cannot be withdrawn any more.
local owner = keys.tenant(p.tenant)
local doubt = p.verb == 'doubt'
local desired -- what is to be replicated (JSON text)

-- Each of these may answer at once, with true and the answer; else there is a replication to be found or made.
local verbs = {}

function verbs.order()
  if p.account then
    local other = claim('account ' .. p.account, p.tenant)
    if other then return true, {other} end -- and nothing is stored
  end
  redis.call('HDEL', owner, 'deletion', 'deleted_at')
  touch(p.tenant)
  desired = p.desired
end

function verbs.replicate() end

function verbs.doubt() end

function verbs.delete()
  if redis.call('HEXISTS', owner, 'deleted_at') == 1 then return true, redis.call('HGET', owner, 'last') end
  if redis.call('HEXISTS', owner, 'desired') == 0 then desired = p.desired end
  if redis.call('HSETNX', owner, 'deletion', p.deletion) == 1 then touch(p.tenant) end
end

function verbs.restore()
  local request = redis.call('HGET', owner, 'deletion')
  local deleted = redis.call('HEXISTS', owner, 'deleted_at') == 1
  if deleted or not request or cjson.decode(request).approvedAt then return true, false end
  redis.call('HDEL', owner, 'deletion')
  touch(p.tenant)
end

-- The answer to the first run of this script was lost, and a worker may have begun what it has made.
if redis.call('EXISTS', keys.replication(p.replication)) == 1 then return p.replication end

local answered, answer = verbs[p.verb]()
if answered then return answer end
local ordered = desired ~= nil
desired = desired or redis.call('HGET', owner, 'desired')
local chain = redis.call('HEXISTS', owner, 'deletion') == 1 and p.deletion_chain or p.replication_chain
local digest = redis.sha1hex(chain .. ' ' .. desired)

local function field(id, name) return redis.call('HGET', keys.replication(id), name) end

local current = redis.call('HGET', owner, 'current') or ''
local following = redis.call('HGET', owner, 'next') or ''

local function asks() return p.verb == 'order' or p.verb == 'delete' or doubt end
local function handles_of() return cjson.decode(redis.call('HGET', owner, 'handles') or '{}') end

-- Tell whether there may be access to take away: somebody asks, and the tenant has groups or roles for federation; or
-- what is under way has not taken it away yet.
local function asks_for_less()
  if redis.call('ZSCORE', keys.urgent, current) then return true end
  if not asks() then return false end
  local handles = handles_of()
  local function some(found) return type(found) == 'table' and next(found) ~= nil end
  return some(handles.groups) or some(handles.federated_roles)
end

-- Tell whether nobody knows if there is: somebody asks for a tenant in doubt. Mostly that is a new one, but after a loss
-- of Redis it may be any. What is not written down is in doubt.
local function is_unsure()
  return asks() and handles_of().doubt ~= cjson.null or field(current, 'unsure')
end

-- See to it that a replication is looked at before all others. When it stands in line for a thread already, it must not
-- keep its place there.
local function make_urgent(id)
  redis.call('SADD', keys.withdrawing, p.tenant)
  redis.call('ZADD', keys.urgent, redis.call('ZSCORE', keys.due, id) or 'inf', id)
  if redis.call('ZREM', keys.waiters(threads(platform_of(p.tenant))), id) == 1 then look_now(id) end
end

local function set_content(id)
  local key = keys.replication(id)
  redis.call('HSET', key, 'chain', chain, 'desired', desired, 'digest', digest)
  if p.by then redis.call('HSET', key, 'requested_by', p.by) else redis.call('HDEL', key, 'requested_by') end
  redis.call('HDEL', key, 'first') -- new content needs every step
  if asks_for_less() then
    make_urgent(id)
  elseif is_unsure() then
    redis.call('HSET', key, 'unsure', 1) -- it comes after the urgent ones where it waits for a rate (take.lua)
  end
end

-- Whatever it begins with, the first step of the chain comes first: it takes away what must go (verdict.py).
local function begin_with(id, step) redis.call('HSET', keys.replication(id), 'first', step) end

local function create(slot)
  local id = p.replication
  redis.call('HSET', keys.replication(id),
    'id', id, 'tenant', p.tenant, 'state', 'QUEUED', 'step', 0, 'dispatch', 0, 'sends', 0, 'holder', '', 'lease', 0,
    'requested_at', p.at, 'asked', p.at_us, 'retry_state', '{}', 'cancel', 0)
  count_replication(p.tenant, id)
  set_content(id)
  if p.first and p.first_chain == chain then begin_with(id, p.first) end
  if p.daily then redis.call('HSET', keys.replication(id), 'daily', 1) end
  local last = redis.call('HGET', owner, 'last') or ''
  if field(last, 'doubt') and field(last, 'state') ~= 'SUCCEEDED' then -- it may not have come to look
    redis.call('HSET', keys.replication(id), 'doubt', 1)
  end
  redis.call('HSET', owner, slot, id)
  remember(p.tenant, id)
  emit_state(p.tenant, id, 'QUEUED')
  return id
end

-- Let a replication that has not begun know what this request wants of it, beside its content.
local function take_over(id)
  local first = tonumber(field(id, 'first') or 'nan')
  if doubt then redis.call('HSET', keys.replication(id), 'doubt', 1) end
  if not p.daily then redis.call('HDEL', keys.replication(id), 'daily') end -- somebody asks: no snapshot is an answer
  if doubt and first == first then begin_with(id, 0) end
  if p.first and p.first < first then begin_with(id, p.first) end
  return id
end

-- Tell whether the replication that is under way will do all that this request wants.
local function is_enough(id)
  if field(id, 'digest') ~= digest then return false end
  if (field(id, 'failed') or '[]') ~= '[]' then return false end -- it can only end FAILED
  if p.anew and tonumber(field(id, 'step')) > 0 then return false end
  if (doubt or p.first) and field(id, 'started_at') then return false end
  return not (field(id, 'first') and not p.first)
end

list_tenant(p.tenant)
if ordered then set_landing_zone(p.tenant, p.landing_zone) end
redis.call('HSETNX', owner, 'created_at', p.at)
redis.call('HSETNX', owner, 'handles', '{}')
redis.call('HSET', owner, 'desired', desired)

-- What somebody asks replaces what is under way, after the call that runs now: an older order must let nobody in any
-- more, and a newer one waits for nothing that the older one waits for. Nobody asks for a daily replication. A doubt
-- replaces also what is the same: somebody may be in again, and must not stay in for as long as that one waits.
local function replace(id)
  if p.daily then return end
  if not doubt and field(id, 'digest') == digest and (field(id, 'failed') or '[]') == '[]' then return end
  if tonumber(field(id, 'lease')) <= now() then
    finish(p.tenant, id, 'CANCELLED')
  else
    redis.call('HSET', keys.replication(id), 'cancel', 1)
  end
end

if following ~= '' then -- the newest content wins: what waits to run next takes it
  set_content(following)
  replace(current)
  return take_over(following)
end

if current ~= '' and field(current, 'cancel') == '0' then
  local same = field(current, 'digest') == digest
  if same and p.wake and field(current, 'state') == 'WAITING' then look_now(current) end
  if is_enough(current) then return take_over(current) end
  if not field(current, 'started_at') then -- there is no need for two
    set_content(current)
    return take_over(current)
  end
end
if current ~= '' then
  local id = take_over(create('next'))
  replace(current)
  return id
end

local id = take_over(create('current'))
redis.call('HSET', owner, 'last', id)
set_tenant_state(p.tenant, 'QUEUED')
look_now(id)
return id
