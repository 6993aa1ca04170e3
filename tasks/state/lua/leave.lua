-- Give a place back, and wake who is next. Only who holds it can: another replication may have taken it meanwhile.
if redis.call('SREM', keys.places(p.replication), entry_of(p.lane, p.place)) == 0 then return 0 end
leave(p.lane, p.place)
return 1
