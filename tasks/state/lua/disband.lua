-- AWS has refused the operation that was to do the work of several: the others ask by themselves, in their turn.
if redis.call('HGET', keys.replication(p.replication), 'holder') ~= p.holder then return 0 end
for _, id in ipairs(holders_of(p.lane, p.place)) do
  if id ~= p.replication then
    redis.call('HSET', keys.replication(id), 'joined', cjson.encode({refused = p.operation}))
    redis.call('SREM', keys.places(id), entry_of(p.lane, p.place))
    sort_in(id)
    wake_up(id)
  end
end
redis.call('HSET', keys.held_by(p.lane), p.place, p.replication)
return 1
