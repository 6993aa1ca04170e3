-- Find a page of the tenants that fit everything. Answers a list (JSON text): how many there are, then the names on the
-- page. An index without a filter is read by rank, so that a page costs as much as it shows; only what is wanted by
-- several things at once, by a part of its name, or by its last change, is put together here.
local first, last = p.first, p.first + p.size - 1
local STATES = {'FAILED', 'RUNNING', 'WAITING', 'QUEUED', 'CANCELLED', 'SUCCEEDED'} -- what may need a person first
local function begins(name) return string.sub(name, 1, #p.starts) == p.starts end
local function holds(name) return p.contains == '' or string.find(name, p.contains, 1, true) end
local function sliced(names)
  local page = {#names}
  for position = first + 1, math.min(last + 1, #names) do page[#page + 1] = names[position] end
  return page
end

-- Those of an index that can be read by rank: its names, or a range of them that begin with the same.
local function ranked(index)
  local low, total = 0, redis.call('ZCARD', index)
  if p.starts ~= '' then
    low = redis.call('ZLEXCOUNT', index, '-', '(' .. p.starts)
    total = redis.call('ZLEXCOUNT', index, '[' .. p.starts, '(' .. p.starts .. '\255')
  end
  local page = {total}
  if first < total then
    for _, name in ipairs(redis.call('ZRANGE', index, low + first, low + math.min(last, total - 1))) do
      page[#page + 1] = name
    end
  end
  return page
end

-- Those of several groups at once, sorted by name; with `changed` by their last change, the oldest first.
local function in_all(groups, changed)
  local indexes = {}
  for position, group in ipairs(groups) do indexes[position] = keys.tenants_by(group) end
  if changed then indexes[#indexes + 1] = keys.changed end
  if #indexes == 0 then indexes[1] = keys.tenants end
  local names = {}
  for _, name in ipairs(redis.call('ZINTER', #indexes, unpack(indexes))) do -- the groups' own scores are 0
    if begins(name) and holds(name) then names[#names + 1] = name end
  end
  return names
end

local function changed_since(names)
  if not p.since then return names end
  local found = {}
  for _, name in ipairs(names) do
    if tonumber(redis.call('ZSCORE', keys.changed, name) or '0') >= p.since then found[#found + 1] = name end
  end
  return found
end

local function reversed(names)
  local found = {}
  for position = #names, 1, -1 do found[#found + 1] = names[position] end
  return found
end

local function by_state()
  local names = {}
  for _, state in ipairs(STATES) do
    local groups = {unpack(p.groups)}
    groups[#groups + 1] = 'state ' .. state
    for _, name in ipairs(changed_since(in_all(groups))) do names[#names + 1] = name end
  end
  return names
end

-- Few have changed lately: they are looked for by that, and not among all.
local function newest()
  local names = {}
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', keys.changed, p.since, '+inf')) do
    local fits = begins(name) and holds(name)
    for _, group in ipairs(p.groups) do fits = fits and redis.call('ZSCORE', keys.tenants_by(group), name) end
    if fits then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local page
if p.sorting == 'state' then
  page = sliced(by_state())
elseif p.sorting == 'oldest' then
  page = sliced(changed_since(in_all(p.groups, true)))
elseif p.sorting == 'newest' then
  page = sliced(reversed(changed_since(in_all(p.groups, true))))
elseif p.since then
  page = sliced(newest())
elseif #p.groups > 1 or p.contains ~= '' then
  page = sliced(in_all(p.groups))
else
  page = ranked(p.groups[1] and keys.tenants_by(p.groups[1]) or keys.tenants)
end
return cjson.encode(page)
