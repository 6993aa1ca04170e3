-- Give a place back and wake who is next. p: lane, place, replication
redis.call('SREM', places_key(p.replication), p.lane .. '\t' .. p.place)
leave(p.lane, p.place)
return 1
