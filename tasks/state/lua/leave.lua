-- Give a place back, and wake who is next.
redis.call('SREM', keys.places(p.replication), entry_of(p.lane, p.place))
leave(p.lane, p.place)
return 1
