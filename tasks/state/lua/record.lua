-- Record how a step ended, and give the lease back; or keep it, and begin the next step at once, when that is asked for and
-- nobody needs the thread. Answers 1; or 2 when the pump begins the next step, because somebody does; or, when the next step
-- has begun, what it needs, as an object (JSON text); or 0 when somebody else has the lease now; or {what, whose} when the
-- handles name something that is another tenant's. After the last two nothing was written.
local HEAD_START = 60000 -- ms: who stands back comes before those that are due since then
local key = keys.replication(p.replication)
local following = 'step:' .. (p.next or p.step)
local record = fields(key, 'tenant', 'holder', 'recorded', 'cancel', 'state', 'error', 'woken', 'look_at', 'joined', 'doubt',
  'doubted', 'person', 'gate', 'asked', following)
local tenant = record.tenant
local mark = p.holder .. ' ' .. p.step

local function next_step()
  return cjson.encode({document = record[following], doubt = record.doubt, doubted = record.doubted})
end

if record.recorded == mark then -- the answer to the first request was lost
  if record.holder == p.holder then return next_step() end
  local due = redis.call('ZSCORE', keys.due, p.replication)
  return p.begins and due and tonumber(due) <= now() and 2 or 1 -- it stands back, and no pump has taken it yet
end
if record.holder ~= p.holder then return 0 end
local learned = p.handles and p.handles ~= redis.call('HGET', keys.tenant(tenant), 'handles')
if learned then
  local what, whose = claim_all(p.handles, tenant)
  if what then return {what, whose} end
end
local ends, cancelled = p.state == 'SUCCEEDED' or p.state == 'FAILED', record.cancel == '1'

-- Tell whether somebody waits for our thread: mostly one who may have access to take away (pump.lua). All of those come
-- before what is left to do here. Or one of them may need it soon: we have taken access away, perhaps in a kept thread,
-- and what is left may hang there. So that stands in the index again, and not in the queue, where the pump would count it
-- against them.
local function is_needed()
  if p.queue and redis.call('LLEN', p.queue) > 0 then return true end
  return p.step == 0 and redis.call('ZSCORE', keys.urgent, p.replication) and uses_kept_threads(platform_of(tenant))
end

local stands_back = p.begins and is_needed()
-- What somebody else's operation has joined to the handles is read by begin.lua only.
local goes_on = p.begins and not stands_back and not cancelled and not record.joined and not is_paused(tenant)

local function write()
  local written = {'step:' .. p.step, p.document, 'retry_state', p.retry_state, 'idle', p.idle,
    'recorded', mark, 'step', p.next or p.step}
  local function add(name, value)
    written[#written + 1] = name
    written[#written + 1] = value
  end
  if p.error then add('error', p.error) end
  if p.failed ~= '[]' then add('failed', p.failed) end
  local person = p.approval and 'APPROVAL' or p.parked and 'PARKED'
  if person then add('person', person) end
  if not goes_on then
    add('holder', '')
    add('lease', 0)
  end
  redis.call('HSET', key, unpack(written))
  if record.error and not p.error then redis.call('HDEL', key, 'error') end
  if record.person and not person then redis.call('HDEL', key, 'person') end
  if learned then
    redis.call('HSET', keys.tenant(tenant), 'handles', p.handles)
    touch(tenant)
  end
  if p.handles and record.joined then forget_joined(key) end
  if p.next then
    if p.step == 0 then
      redis.call('ZREM', keys.urgent, p.replication) -- what must go is gone
      redis.call('HDEL', key, 'unsure')
      if p.failed == '[]' then
        redis.call('HDEL', key, 'urgent_since')
        redis.call('SREM', keys.withdrawing, tenant)
      end
      redis.call('DEL', keys.strays(tenant)) -- also what a stray call may have brought back
    end
    stop_waiting(p.replication) -- a turn that nobody will take must not keep others waiting
  else
    redis.call('HINCRBY', key, 'dispatch', 1) -- a message is used once: what is delivered again is stale
  end
end

-- Tell the pumps whether AWS answers this platform. A step that calls nobody tells nothing.
local function note_response()
  if p.responded == nil then return end
  if p.responded then
    redis.call('HDEL', keys.unresponsive, platform_of(tenant))
  else
    redis.call('HINCRBY', keys.unresponsive, platform_of(tenant), 1)
  end
end

-- Say where one that stands back stands in the index: in the order of asking, but not as if it were overdue since then.
local function place_in_index()
  return math.min(math.max(math.floor(record.asked / 1000), now() - HEAD_START), now())
end

-- Say when to look again. Who stands in line is woken when it is handed a place; one that was handed it since it asked
-- does not stand there any more, and looks at once, as one does that was woken for something else while it ran.
local function next_look()
  if record.woken then redis.call('HDEL', key, 'woken') end
  if p.lane then return redis.call('ZSCORE', keys.waiters(p.lane), p.replication) and 'inf' or now() end
  return record.woken and not p.next and now() or now() + p.due
end

-- Say when to look again, also at one that AWS has refused with all others.
local function next_look_at_gate()
  if not p.gate then return next_look() end
  local look = wait_at(p.gate, p.replication, now() + p.due)
  if not record.woken then return look end
  redis.call('HDEL', key, 'woken') -- somebody may have opened the gate since AWS refused
  return now()
end

-- Leave the gate at which it waited, unless nobody knows whether it is open now.
local function pass_gate()
  if record.gate and record.gate ~= p.gate and (p.let_in or p.lane) then
    leave_gate(record.gate, p.replication, p.let_in and not p.gate)
  end
end

local function go_on()
  if record.state ~= p.state then
    set_state(tenant, p.replication, p.state)
    if p.event then emit_state(tenant, p.replication, p.state) end
  end
  count_replication(tenant, p.replication) -- it may wait for a person from now on, or no longer
  if p.parked then leave_all(p.replication, 0, p.gate) end -- AWS has begun nothing, and others need not wait for a person
  local due = stands_back and now() or next_look_at_gate()
  set_due(p.replication, stands_back and place_in_index() or due)
  if due == 'inf' then -- no look is late that nobody has promised
    redis.call('HDEL', key, 'look_at')
  else
    redis.call('HSET', key, 'look_at', due) -- begin.lua tells how late the look then is
  end
  if p.next and p.due > 0 and not stands_back then -- the chain goes on by itself: the next step has the same thread
    keep_thread(tenant, p.replication, due)
  else
    leave_thread(tenant, p.replication)
  end
  if p.polls then stop_waiting(p.replication) end -- it looks again when its own work ends, and not in its turn
  if p.beside and (stray_for(tenant) or 0) <= 0 then look_now(p.replication) end -- the stray call has ended meanwhile
end

write()
pass_gate()
if record.person == 'PARKED' and p.state == 'RUNNING' then -- it was refused, and goes on now: begin.lua could not know
  emit_state(tenant, p.replication, 'RUNNING')
end
if p.event then emit(tenant, p.event) end
if goes_on then
  if record.woken then redis.call('HDEL', key, 'woken') end -- the next step sees what it was woken for
  if p.alert then raise_alert(tenant, p.fingerprint, p.alert) end
  if not record[following] then emit_running(tenant, p.replication, p.begins) end
  return next_step()
end
note_response()
if p.alert and (ends or not cancelled) then raise_alert(tenant, p.fingerprint, p.alert) end
if ends then
  finish(tenant, p.replication, p.state)
elseif cancelled then
  finish(tenant, p.replication, 'CANCELLED')
else
  go_on()
end
return stands_back and 2 or 1
