-- Alerts to people. An alert is kept until it is delivered (tasks/notifications/outbox.py).
local MOST_ALERTS = 10000 -- of about 1 kB each; while nobody takes them the oldest are dropped, and counted

-- Add an alert, unless the tenant's last alert had the same fingerprint.
-- fingerprint: what the alert is about. An empty one says that all is well, which only matters to people who were told
-- otherwise before.
local function raise_alert(tenant, fingerprint, alert)
  if (redis.call('HGET', keys.alerted, tenant) or '') == fingerprint then return end
  if fingerprint == '' then
    redis.call('HDEL', keys.alerted, tenant)
  else
    redis.call('HSET', keys.alerted, tenant, fingerprint)
  end
  redis.call('XADD', keys.alerts, '*', 'data', alert)
  local dropped = redis.call('XTRIM', keys.alerts, 'MAXLEN', MOST_ALERTS)
  if dropped > 0 then redis.call('HINCRBY', keys.counts, 'notifications dropped', dropped) end
end
