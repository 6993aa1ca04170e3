-- Store what is asked for a tenant, and make sure that a replication of it will run. What is asked is the verb:
--   order      make the tenant as `desired` says; that withdraws a request to delete it
--   replicate  make it once more as is stored: read here, so that no older content overtakes a newer one
--   doubt      the same from the first step on, because what a replication under way rests on may not be so any more
--   delete     delete it: `deletion` is the request. A tenant that nobody knows is as `desired` says
--   restore    withdraw the request to delete it
-- Answers {'stored', the replication's id, its state, the tenant's handles}, or why nothing is stored: {'account', id
-- of the ordered one, the tenant that has it}, {'documents'}: the order was not checked by the newest ones, or {'late'}:
-- the request to delete the tenant cannot be withdrawn any more.
local owner = keys.tenant(p.tenant)
local doubt = p.verb == 'doubt'
local stored = fields(owner, 'desired', 'landing_zone', 'deletion', 'deleted_at', 'handles', 'created_at', 'current', 'next',
  'last')
local desired -- what is to be replicated (JSON text)

local function field(id, name) return redis.call('HGET', keys.replication(id), name) end

local function told(id) return {'stored', id, field(id, 'state') or 'QUEUED', stored.handles or '{}'} end

-- Each of these may answer at once; else there is a replication to be found or made.
local verbs = {}

function verbs.order()
  if p.account then
    local other = claim('account ' .. p.account, p.tenant)
    if other then return {'account', p.account, other} end -- and nothing is stored
  end
  if stored.deletion or stored.deleted_at then
    redis.call('HDEL', owner, 'deletion', 'deleted_at')
    set_lifecycle(p.tenant)
  end
  stored.deletion, stored.deleted_at = nil, nil
  touch(p.tenant)
  desired = p.desired
end

function verbs.replicate() end

function verbs.doubt() end

function verbs.delete()
  if stored.deleted_at then return told(stored.last) end
  if not stored.desired then desired = p.desired end
  if stored.deletion then return end
  redis.call('HSET', owner, 'deletion', p.deletion)
  set_lifecycle(p.tenant)
  stored.deletion = p.deletion
  touch(p.tenant)
end

function verbs.restore()
  local request = stored.deletion
  if stored.deleted_at or not request or cjson.decode(request).approvedAt then return {'late'} end
  redis.call('HDEL', owner, 'deletion')
  set_lifecycle(p.tenant)
  stored.deletion = nil
  touch(p.tenant)
end

-- The answer to the first run of this script was lost, and a worker may have begun what it has made.
if redis.call('EXISTS', keys.replication(p.replication)) == 1 then return told(p.replication) end

if p.documents and p.documents ~= (redis.call('GET', keys.documents_version) or '') then return {'documents'} end

local answer = verbs[p.verb]()
if answer then return answer end
local ordered = desired ~= nil
desired = desired or stored.desired
local chain = stored.deletion and p.deletion_chain or p.replication_chain
local digest = redis.sha1hex(chain .. ' ' .. desired)

local current, following = stored.current or '', stored.next or ''

local function asks() return p.verb == 'order' or p.verb == 'delete' or doubt end
local function handles_of() return cjson.decode(stored.handles or '{}') end

-- Tell whether there may be access to take away: somebody asks, and the tenant has groups or roles for federation; or
-- what is under way has not taken it away yet; or somebody tries again what has ended before that.
local function asks_for_less()
  if redis.call('ZSCORE', keys.urgent, current) then return true end
  if not p.daily and redis.call('SISMEMBER', keys.withdrawing, p.tenant) == 1 then return true end
  if not asks() then return false end
  local handles = handles_of()
  local function some(found) return type(found) == 'table' and next(found) ~= nil end
  return some(handles.groups) or some(handles.sign_in_roles)
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
  redis.call('HSETNX', keys.replication(id), 'urgent_since', field(current, 'urgent_since') or now())
  if redis.call('ZREM', keys.waiters(threads(platform_of(p.tenant))), id) == 1 then look_now(id) end
end

-- Put a replication where it belongs: before all others, or after these where it waits for a rate (take.lua).
local function rank(id)
  if asks_for_less() then
    make_urgent(id)
  elseif is_unsure() then
    redis.call('HSET', keys.replication(id), 'unsure', 1)
  end
end

local function set_content(id)
  local key = keys.replication(id)
  redis.call('HDEL', key, 'requested_by', 'trace', 'first') -- new content needs every step
  redis.call('HSET', key, 'chain', chain, 'desired', desired, 'digest', digest)
  if p.by then redis.call('HSET', key, 'requested_by', p.by) end
  if p.trace then redis.call('HSET', key, 'trace', p.trace) end
  rank(id)
end

-- Whatever it begins with, the first step of the chain comes first: it takes away what must go (verdict.py).
local function begin_with(id, step) redis.call('HSET', keys.replication(id), 'first', step) end

-- Redis reserves 4 KiB for what comes into a new stream, and thousands of tenants may wait with a few events each. A copy
-- takes what it needs. Whoever may not copy keys does without.
local function fit_events()
  local key = keys.events(p.tenant)
  local copy = key .. ' '
  if redis.pcall('COPY', key, copy) ~= 1 then return end
  redis.call('COPY', copy, key, 'REPLACE')
  redis.call('DEL', copy)
end

local function create(...)
  local id, last = p.replication, stored.last or ''
  local first = p.first_chain == chain and p.first or nil
  local in_doubt = doubt or (field(last, 'doubt') and field(last, 'state') ~= 'SUCCEEDED') -- it may not have come to look
  local record = {'id', id, 'tenant', p.tenant, 'state', 'QUEUED', 'step', 0, 'dispatch', 0, 'sends', 0, 'holder', '',
    'lease', 0, 'requested_at', p.at, 'asked', p.at_us, 'retry_state', '{}', 'chain', chain,
    'desired', desired, 'digest', digest}
  local function add(name, value)
    if not value then return end
    record[#record + 1] = name
    record[#record + 1] = value
  end
  add('requested_by', p.by)
  add('trace', p.trace)
  add('first', first)
  add('daily', p.daily and 1)
  add('doubt', in_doubt and 1)
  redis.call('HSET', keys.replication(id), unpack(record))
  count_replication(p.tenant, id)
  rank(id)
  for _, slot in ipairs({...}) do redis.call('HSET', owner, slot, id) end
  remember(p.tenant, id)
  emit_state(p.tenant, id, 'QUEUED')
  if not stored.created_at then fit_events() end
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

if not stored.created_at then
  list_tenant(p.tenant)
  set_lifecycle(p.tenant)
  redis.call('HSET', owner, 'created_at', p.at)
end
if not stored.handles then redis.call('HSET', owner, 'handles', '{}') end
if ordered and stored.landing_zone ~= p.landing_zone then set_landing_zone(p.tenant, p.landing_zone) end
if stored.desired ~= desired then redis.call('HSET', owner, 'desired', desired) end

-- What somebody asks replaces what is under way, after the call that runs now: an older order must let nobody in any
-- more, and a newer one waits for nothing that the older one waits for. Nobody asks for a daily replication. A doubt
-- replaces also what is the same: somebody may be in again, and must not stay in for as long as that one waits. If its
-- worker has died nobody lets go of it, and the pump looks after the lease (pump.lua): at once, if the newer one is urgent.
local function replace(id, newer)
  if p.daily then return end
  if not doubt and field(id, 'digest') == digest and (field(id, 'failed') or '[]') == '[]' then return end
  if tonumber(field(id, 'lease')) <= now() then
    finish(p.tenant, id, 'CANCELLED')
  else
    redis.call('HSET', keys.replication(id), 'cancel', 1)
    redis.call('ZADD', keys.urgent, 'XX', field(id, 'lease'), newer)
  end
end

if following ~= '' then -- the newest content wins: what waits to run next takes it
  set_content(following)
  replace(current, following)
  return told(take_over(following))
end

if current ~= '' and field(current, 'cancel') ~= '1' then
  local same = field(current, 'digest') == digest
  if same and p.wake and field(current, 'state') == 'WAITING' then look_now(current) end
  if is_enough(current) then return told(take_over(current)) end
  if not field(current, 'started_at') then -- there is no need for two
    set_content(current)
    return told(take_over(current))
  end
end
if current ~= '' then
  local id = create('next')
  replace(current, id)
  return told(id)
end

local id = create('current', 'last')
set_tenant_state(p.tenant, 'QUEUED')
look_now(id)
return told(id)
