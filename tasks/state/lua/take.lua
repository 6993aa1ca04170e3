-- Take tokens of a rate. Answers 0 when we have them, else for how long (ms) our turn is still to come.
-- Who must wait gets a turn behind all who wait already, comes back at that time, and is then served before newcomers.
-- Who holds a place in a lane, or was woken to take one, does not queue, because others wait for that place.
-- Who may have access to take away waits for nobody but others of its kind, and has AWS's whole rate also while the rest
-- has slowed down: AWS may refuse because somebody else calls it, and people must be out in time. Of whom nobody knows
-- whether there is access to take away, those come after the ones of whom it is known. What these take beyond the tokens
-- that there are the others wait for.
local rate, turns, time = keys.rate(p.rate), keys.turns(p.rate), now()
local urgent = redis.call('ZSCORE', keys.urgent, p.replication)
local whole = p.per_second / 1000 -- tokens per ms
local per_ms = whole * share(p.rate)
local line = redis.call('EXISTS', turns) == 1 -- somebody waits for a turn
local known = line and redis.call('ZSCORE', turns, p.replication)
local level, counted, tail, first, through, unsure_through =
  unpack(redis.call('HMGET', rate, 'level', 'counted', 'tail', 'first', 'through', 'unsure_through'))
level = math.min(p.burst, tonumber(level or p.burst) + (time - tonumber(counted or time)) * per_ms)
tail, first = tonumber(tail or 0), tonumber(first or 0) -- the last turn of all, and of those who do not queue
through = math.max(tonumber(through or 0), time) -- when all who take access away have had their calls
unsure_through = math.max(tonumber(unsure_through or 0), through) -- and those who may
local unsure = not urgent and redis.call('HEXISTS', keys.replication(p.replication), 'unsure') == 1

local function leave_in_rate(left)
  redis.call('HSET', rate, 'level', left, 'counted', time, 'tail', tail, 'first', first, 'through', through,
    'unsure_through', unsure_through)
  redis.call('PEXPIRE', rate, ttl.rate)
end

local function use_urgent(tokens)
  if not unsure then through = math.max(through + tokens / whole, time) end
  unsure_through = math.max(unsure_through + tokens / whole, through)
end

local function serve()
  if known then redis.call('ZREM', turns, p.replication) end
  leave_in_rate(level - p.tokens)
  return 0
end

local function wait_until(turn)
  redis.call('ZADD', turns, turn, p.replication)
  redis.call('PEXPIRE', turns, ttl.turns)
  leave_in_rate(level)
  return math.ceil(turn - time)
end

if p.owed then -- the tokens are used already, or given back: whoever comes later waits for the debt
  if urgent or unsure then use_urgent(p.tokens) end
  leave_in_rate(math.min(p.burst, level - p.tokens))
  return 0
end
if line then redis.call('ZREMRANGEBYSCORE', turns, '-inf', time - 600000) end -- who has not come for that long has ended
if not line or redis.call('ZCARD', turns) == 0 then tail, first = 0, 0 end
local turn = known and tonumber(known)
if urgent or unsure then
  if not known then
    turn = unsure and unsure_through or through
    use_urgent(p.tokens)
  end
  if turn <= time then return serve() end
  return wait_until(turn)
end
local lacking = math.max(math.min(p.tokens, p.burst) - level, 0)
if lacking == 0 and not line then return serve() end
local holds = redis.call('EXISTS', keys.places(p.replication)) == 1
if lacking == 0 and (holds or (known and turn or tail) <= time) then return serve() end
if known then
  turn = math.max(turn, time + lacking / per_ms)
else
  turn = math.max(time + lacking / per_ms, (holds and first or tail) + p.tokens / per_ms)
  tail = math.max(tail, turn)
  if holds then first = turn end
end
return wait_until(turn)
