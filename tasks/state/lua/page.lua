-- Find a page of the tenants that fit everything, sorted by name. Answers a list (JSON text): how many there are, then the
-- names on the page. An index without a filter is read by rank, so that a page costs as much as it shows; only what is
-- wanted by several things at once, or by its last change, is put together here.
local first, last = p.first, p.first + p.size - 1

local function sliced(names)
  local page = {#names}
  for position = first + 1, math.min(last + 1, #names) do page[#page + 1] = names[position] end
  return page
end

local function fits(name)
  if string.sub(name, 1, #p.starts) ~= p.starts then return false end
  for _, group in ipairs(p.groups) do
    if not redis.call('ZSCORE', keys.tenants_by(group), name) then return false end
  end
  return true
end

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

-- What is listed under several things, sorted by name.
local function in_all()
  local indexes, names = {}, {}
  for position, group in ipairs(p.groups) do indexes[position] = keys.tenants_by(group) end
  for _, name in ipairs(redis.call('ZINTER', #indexes, unpack(indexes))) do
    if string.sub(name, 1, #p.starts) == p.starts then names[#names + 1] = name end
  end
  return sliced(names)
end

-- What was changed since then and fits everything else.
local function newest()
  local names = {}
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', keys.changed, p.since, '+inf')) do
    if fits(name) then names[#names + 1] = name end
  end
  table.sort(names)
  return sliced(names)
end

local page
if p.since then
  page = newest()
elseif #p.groups > 1 then
  page = in_all()
else
  page = ranked(p.groups[1] and keys.tenants_by(p.groups[1]) or keys.tenants)
end
return cjson.encode(page)
