-- Which tenant has which AWS account. The index only says which tenant to ask; that tenant's own record decides.

-- Note that an account belongs to a tenant. Answers the other tenant that has the account, or has ordered it.
local function claim(account, tenant)
  local other = redis.call('HGET', keys.accounts, account)
  if other and other ~= tenant then
    local desired, handles, deleted =
      unpack(redis.call('HMGET', keys.tenant(other), 'desired', 'handles', 'deleted_at'))
    if handles and cjson.decode(handles).account_id == account then return other end
    if desired and not deleted and cjson.decode(desired).platformTenantId == account then return other end
  end
  redis.call('HSET', keys.accounts, account, tenant)
end

-- Note which account the handles name, if they name one.
local function claim_known(handles, tenant)
  local account = cjson.decode(handles).account_id
  if account then claim(account, tenant) end
end
