-- Gates: where AWS has refused a platform itself, such as its key, or has used up a quota of the whole organization. All
-- tenants would be refused the same, so they wait together: one probes, and the others stand in line. When AWS takes what
-- the probe asks for, all are woken. A gate is a lane with one place, which the probe holds by its own id; so if the probe
-- ends, the next in line is handed its place, and probes.

-- Let the probe look at once: whoever orders a tenant again that waits at the gate may have opened it.
local function probe_now(gate)
  for _, probe in ipairs(redis.call('ZRANGE', keys.holders(gate), 0, -1)) do wake_up(offered_to(probe) or probe) end
end

-- Leave a gate. When it is open, all who stand there are woken; else the next one probes.
local function leave_gate(gate, id, opens)
  leave_line(gate, id)
  withdraw_offer(gate, id)
  redis.call('HDEL', keys.replication(id), 'gate')
  redis.call('SREM', keys.places(id), entry_of(gate, id))
  redis.call('HDEL', keys.held_by(gate), id)
  redis.call('ZREM', keys.holders(gate), id)
  sort_in(id)
  if not opens then
    hand_on(gate)
    return
  end
  for _, other in ipairs(redis.call('ZRANGE', keys.waiters(gate), 0, -1)) do
    leave_line(gate, other)
    wake_up(other)
  end
  probe_now(gate)
  redis.call('HDEL', keys.lanes, gate)
  redis.call('HDEL', keys.gates, gate)
  redis.call('ZREM', keys.looks, gate)
end

-- Wait at a gate; answers when to look again. Who may have access to take away looks by itself, beside the probe.
local function wait_at(gate, id, next_probe)
  redis.call('HSET', keys.lanes, gate, 1)
  redis.call('HSET', keys.replication(id), 'gate', gate)
  end_places(gate)
  local waits = redis.call('EXISTS', keys.holders(gate)) == 1 or redis.call('EXISTS', keys.waiters(gate)) == 1
  if not waits or redis.call('HEXISTS', keys.gates, gate) == 0 then redis.call('HSET', keys.gates, gate, now()) end
  local urgent = redis.call('ZSCORE', keys.urgent, id)
  local probes = redis.call('ZSCORE', keys.holders(gate), id)
  if not probes and (withdraw_offer(gate, id) or free_places(gate) > 0) then
    leave_line(gate, id)
    hold(gate, id, id, 'inf')
    probes = true
  end
  if not probes then line_up(gate, id, urgent and 0 or now_in_microseconds()) end
  plan_look(gate)
  return (probes or urgent) and next_probe or 'inf'
end
