-- Take along who waits in line for the same: one operation of AWS does the work of all, under one place. Each of them has
-- said what it wants when it lined up; only who is asleep there is taken along, so nobody's work of this moment is touched,
-- and each is told in its own record of what was sent for it (work.py), before it is sent. Answers what they want (a list
-- of JSON texts), or nothing: somebody else has the lease of who asks.
local SCAN = 200 -- so many in line are looked at
local LOOK = 1000 -- ms until who is taken along looks at its own part of the work
if redis.call('HGET', keys.replication(p.replication), 'holder') ~= p.holder then return false end
local found = {}

local function wanted(id)
  local wants = redis.call('HGET', keys.replication(id), 'wants:' .. p.lane)
  return wants and cjson.decode(wants).kind == p.kind and wants
end

local function take_along(id, wants)
  local joined = cjson.decode(wants)
  joined.operation, joined.sent_at, joined.leader = p.operation, p.sent_at, p.place
  redis.call('HSET', keys.replication(id), 'joined', cjson.encode(joined))
  if redis.call('ZSCORE', keys.due, id) == 'inf' then set_due(id, now() + LOOK) end
  found[#found + 1] = wants
end

-- A worker that was killed had gathered them, and has sent nothing.
for _, id in ipairs(holders_of(p.lane, p.place)) do
  local wants = id ~= p.replication and wanted(id)
  if wants then take_along(id, wants) end
end
for _, id in ipairs(redis.call('ZRANGE', keys.waiters(p.lane), 0, SCAN - 1)) do
  local asleep = redis.call('ZSCORE', keys.due, id) == 'inf'
  local wants = asleep and #found < p.most and wanted(id)
  if wants then
    redis.call('HSET', keys.replication(id), 'came:' .. p.lane, redis.call('ZSCORE', keys.waiters(p.lane), id))
    leave_line(p.lane, id)
    share_place(p.lane, p.place, id)
    take_along(id, wants)
  end
end
plan_look(p.lane)
return found
