-- Which tenant has which account, group and alias in AWS, whatever platform it is of. The index only says which tenant to
-- ask; that tenant's own record decides.

-- List what a tenant's handles (JSON text) name that only one tenant may have.
local function owned(handles)
  local found, names = cjson.decode(handles), {}
  if type(found.account_id) == 'string' then table.insert(names, 'account ' .. found.account_id) end
  if type(found.alias) == 'string' then table.insert(names, 'alias ' .. found.alias) end
  for _, group in pairs(found.groups or {}) do
    if type(group.id) == 'string' then table.insert(names, 'group ' .. group.id) end
  end
  return names
end

local function has(tenant, name)
  local desired, handles, deleted = unpack(redis.call('HMGET', keys.tenant(tenant), 'desired', 'handles', 'deleted_at'))
  for _, each in ipairs(handles and owned(handles) or {}) do
    if each == name then return true end
  end
  local ordered = desired and not deleted and cjson.decode(desired).platformTenantId
  return ordered and name == 'account ' .. ordered
end

-- Note that something is a tenant's. Answers the other tenant that has it, or has ordered it.
local function claim(name, tenant)
  local other = redis.call('HGET', keys.owners, name)
  if other and other ~= tenant and has(other, name) then return other end
  redis.call('HSET', keys.owners, name, tenant)
end

-- Note everything that handles name. Answers the first name that is another tenant's, and that tenant.
local function claim_all(handles, tenant)
  for _, name in ipairs(owned(handles)) do
    local other = claim(name, tenant)
    if other then return name, other end
  end
end
