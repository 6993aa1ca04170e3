-- The connector's own clock: when leases end, when a replication is due, whose turn it is, and, in the steps, how old
-- something is. It is Redis's clock, so that the workers' clocks need not agree, but for its jumps. A machine's clock may
-- be set, or another machine becomes the primary: what goes by the clock must neither stand still until Redis's clock has
-- come so far again, nor happen at once because that was set forward. So this clock goes back by KEPT at most, and no
-- more than LONGEST passes between two scripts, for the pump of every worker runs one at least once a second. It follows
-- Redis's clock slowly, by one part in SLOWNESS. Where no worker has looked for a while, time has passed: see catch_up.
local LONGEST = 2000 -- ms. A lease is longer, and is renewed sooner.
local SLOWNESS = 50
local KEPT = 100 -- ms: what was noted a shorter time ago serves still, so no script writes that need not
local AWAY = 10000 -- ms since a pump last looked: no worker has been there

local moment -- of this script, in ms: time stands still meanwhile

local time_of_redis -- at the beginning of this script
local function redis_time()
  time_of_redis = time_of_redis or redis.call('TIME')
  return time_of_redis[1] * 1000 + math.floor(time_of_redis[2] / 1000), time_of_redis[2] % 1000
end

local function set_clock(read, at)
  redis.call('HSET', keys.clock, 'read', read, 'at', string.format('%.3f', at))
  moment = math.floor(at)
end

local function now()
  if moment then return moment end
  local read = redis_time()
  local before, at = unpack(redis.call('HMGET', keys.clock, 'read', 'at'))
  if not before then
    set_clock(read, read)
    return moment
  end
  local passed = math.min(math.max(read - before, 0), LONGEST)
  local behind = read - (at + passed) -- negative: ahead
  local followed = math.min(math.abs(behind), passed / SLOWNESS)
  local reached = at + passed + (behind < 0 and -followed or followed)
  if read >= tonumber(before) and passed < KEPT then
    moment = math.floor(reached)
  else
    set_clock(read, reached)
  end
  return moment
end

-- The same in microseconds, so that hardly any two come at the same time.
local function now_in_microseconds()
  local _, micros = redis_time()
  return now() * 1000 + micros
end

-- Called by each look of a pump. The first look of a worker, when no other has looked for a while, finds that time has
-- passed and not that Redis's clock has jumped. And what Redis held meanwhile may be lost: a server that comes back with
-- an older state looks the same as one whose workers were away. Another one's clock may be behind. What was noted just
-- before the gap may bear a time that is a little later than the clock's, so the gap counts from KEPT later on.
local function catch_up(first)
  local read = redis_time()
  local pumped = tonumber(redis.call('HGET', keys.clock, 'pumped'))
  if read - (pumped or 0) > AWAY and first and read > now() then set_clock(read, read) end
  if pumped and math.abs(read - pumped) > AWAY then redis.call('HSET', keys.clock, 'gap', now() + KEPT) end
  redis.call('HSET', keys.clock, 'pumped', read)
end
