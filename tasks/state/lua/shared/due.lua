-- The due index: when somebody must look at a replication next; 'inf' is never, until somebody wakes it.

-- Note when somebody must look at a replication next. The urgent ones stand in an index of their own besides, and so do
-- those that have a place, so that it shows at once which of them are due, however many wait.
local function set_due(id, time)
  redis.call('ZADD', keys.due, time, id)
  redis.call('ZADD', keys.urgent, 'XX', time, id)
  redis.call('ZADD', keys.placed, 'XX', time, id)
end

-- Wake one of the pumps that rest.
local function ring(id)
  if redis.call('LLEN', keys.wakeups) == 0 then redis.call('RPUSH', keys.wakeups, id) end
end

-- Make a replication due at once.
local function look_now(id)
  set_due(id, now())
  ring(id)
end

-- Make a replication due at once, unless it is on its way already. One that runs right now may have looked before what
-- it is woken for: it is due again as soon as it has recorded that it waits (record.lua).
local function wake_up(id)
  local score = tonumber(redis.call('ZSCORE', keys.due, id) or 'nan')
  if score ~= score then return end
  local holder, lease, sends = unpack(redis.call('HMGET', keys.replication(id), 'holder', 'lease', 'sends'))
  local runs, sent = holder ~= '' and tonumber(lease) > now(), tonumber(sends) > 0 -- and that message is not taken yet
  if runs then
    redis.call('HSET', keys.replication(id), 'woken', 1)
  elseif score == math.huge or (score > now() and not sent) then
    look_now(id)
  end
end
