-- Give a place back, and hand it on. Only who holds it can: another replication may have taken it meanwhile. Who needs
-- none any more hands on what it was offered, too.
if redis.call('SREM', keys.places(p.replication), entry_of(p.lane, p.place)) == 1 then
  sort_in(p.replication)
  leave(p.lane, p.place, p.replication)
  return 1
end
if withdraw_offer(p.lane, p.replication) then hand_on(p.lane) end
return 0
