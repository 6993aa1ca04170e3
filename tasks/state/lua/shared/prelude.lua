-- What every script begins with: its parameters and the names of keys, both of which refuse a misspelt name.
-- Before this file stand ONE, EACH, TTL and OPTIONAL (tasks/state/scripts.py). The first three are the table of
-- tasks/state/keys.py. The script's parameters `p` are one JSON object, declared in tasks/state/parameters.py.
-- Keys are built here and not passed in: Celery's Redis transport needs a single Redis, so Redis Cluster is no aim.
local function refuse(what, name) error('there is no ' .. what .. ' ' .. tostring(name), 3) end

local p = setmetatable(cjson.decode(ARGV[1]), {__index = function(_, name)
  if not OPTIONAL[name] then refuse('parameter', name) end -- an optional one that was not given is nil
end})

-- keys.due is a key, keys.tenant(id) is the key of one tenant. A key is made when it is first used, because scripts run
-- often, and each of them uses a few.
local keys = setmetatable({}, {__index = function(made, name)
  local wanted = ' ' .. tostring(name) .. ' '
  if string.find(ONE, wanted, 1, true) then
    made[name] = p.prefix .. name
  elseif string.find(EACH, wanted, 1, true) then
    made[name] = function(part) return p.prefix .. name .. ':' .. part end
  else
    refuse('key', name)
  end
  return made[name]
end})

-- The fields of a hash that are there, by their names: one command for all.
local function fields(key, ...)
  local found, values = {}, redis.call('HMGET', key, ...)
  for position, name in ipairs({...}) do found[name] = values[position] or nil end
  return found
end

local ttl = setmetatable(TTL, {__index = function(_, name) refuse('time to live of', name) end}) -- in ms: ttl.rate
