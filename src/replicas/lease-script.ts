// One exchange of a member with its group, as one script, so that Redis sees all members at the same moment and by one clock.

/** Times of the script, in milliseconds. */
export const TIMES = {
  /** A member that has not renewed its lease for so long has left. */
  memberLease: 15_000,
  /** The share of a rate that is not renewed for so long is over: others may get it. */
  shareLease: 3_000,
  /** All members exchange more often. Without an exchange for so long, Redis was away, and no share of a lease that was renewed before it has ended. */
  outage: 1_500,
  /** After lost data, an outage, or closed connections. Until then, all members have come back. */
  learning: 6_000,
  /** For a member that is silent for so long, and whose process lives, the safe share is kept. It uses it later than that. */
  keptAfter: 25_000,
} as const;

/** What a member tells. Rates in requests per second. */
export type Beat = {
  /** For people. */
  readonly host: string;
  readonly max: number;
  /** A digest of what all members must configure alike. */
  readonly config: string;
  /** The number of the last exchange that this member knows of; 0 before the first. */
  readonly seen: number;
  /** The epoch of the view after which this member has released what others own now. */
  readonly released: number;
  readonly leaves: boolean;
  readonly rates: Readonly<Record<string, RateWish>>;
};

/** `total` is the configured rate, `wanted` what the member could use, `held` what it may use now. */
export type RateWish = { readonly total: number; readonly wanted: number; readonly held: number };

export type BeatReply = {
  /** The number of this exchange. */
  readonly sequence: number;
  /** Changes whenever Redis may have lost data. */
  readonly generation: number;
  readonly epoch: number;
  readonly members: readonly { readonly id: string; readonly host: string; readonly config: string }[];
  /**
   * Whether the group knew this member before; if not, it is new, or others have taken over what it owned, or Redis has lost its data. It is told so
   * until it has seen such an answer.
   */
  readonly isKnown: boolean;
  /** Whether all members have released what others own in this view, and no forgotten member can be left. */
  readonly settled: boolean;
  /** Whether members may come back that Redis does not know, or that it could not hear: none counts as gone. */
  readonly isLearning: boolean;
  readonly isMember: boolean;
  /** `granted` is the share until it is renewed, `target` the one that it grows to when others have given back theirs. */
  readonly shares: Readonly<Record<string, { readonly granted: number; readonly target: number }>>;
};

/**
 * KEYS[1]: a hash with one field for each member, and the fields `sequence`, `generation`, `epoch`, `blind`, `learning`, `reconnecting` and `last`. KEYS[2]:
 * the channel of the group. ARGV[1]: a {@link Beat} as JSON, with the `id` of the member, the `channel` to which its process is subscribed, and whether it
 * `hasReconnected` since its last exchange. ARGV[2]: {@link TIMES} as JSON. Gives a {@link BeatReply} as JSON.
 *
 * The sum of what members may use is at most the total: a share grows only when another member has confirmed a smaller one, or its lease is over. A
 * member that is silent for long may be cut off from Redis, not dead: then it goes on with `total / max`, and so much is kept for it while its
 * process lives. A process that ended has closed its connection, so nothing is kept for it.
 *
 * Redis may have lost its data, or have gone back to older data: then members hold shares of which it does not know. It shows in a number of an exchange that
 * is smaller than one that a member has seen. Then the group is blind for some seconds: no member gets more than it holds, and none counts as gone. Redis may
 * also have been away, and members could not renew their leases. Then the group learns until all have come back, but no longer: none counts as gone, and
 * the safe share is kept for each. If Redis was away only for a moment, no lease has ended, but all connections were closed. A member says in its next exchange
 * that it has reconnected. For some seconds after that, a missing subscription is no sign that a process has ended.
 */
export const LEASE_SCRIPT = `#!lua flags=allow-oom
local key, channel = KEYS[1], KEYS[2]
local me = cjson.decode(ARGV[1])
local times = cjson.decode(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fields = redis.call('HGETALL', key)
local meta = { sequence = 0, generation = 0, epoch = 0, blind = 0, learning = 0, reconnecting = 0, last = 0 }
local members, lost = {}, {}
local types = { host = 'string', config = 'string', channel = 'string', leaseEnd = 'number', shareEnd = 'number', sequence = 'number', rates = 'table' }
local function memberIn(text)
  local isRead, member = pcall(cjson.decode, text)
  if not isRead or type(member) ~= 'table' then return nil end
  for name, expected in pairs(types) do if type(member[name]) ~= expected then return nil end end
  return member
end

-- What this script did not write counts as lost data. Other fields may be of another version.
local isBroken = false
for at = 1, #fields, 2 do
  local name, value = fields[at], fields[at + 1]
  if meta[name] then
    meta[name] = tonumber(value) or 0
    isBroken = isBroken or not tonumber(value)
  elseif string.sub(name, 1, 2) == 'm:' then
    local member = memberIn(value)
    if member then members[string.sub(name, 3)] = member
    else isBroken = true; redis.call('HDEL', key, name) end
  end
end

local function isAlive(member) return redis.call('PUBSUB', 'SHARDNUMSUB', member.channel)[2] > 0 end

-- A clock that was set back would lengthen all leases.
if now + 1000 < meta.last then
  for _, name in ipairs({ 'blind', 'learning', 'reconnecting' }) do meta[name] = math.min(meta[name], now + times.learning) end
  for id, member in pairs(members) do
    member.leaseEnd, member.shareEnd = now + times.memberLease, now + times.shareLease
    redis.call('HSET', key, 'm:' .. id, cjson.encode(member))
  end
end

local known = members[me.id]
local isLost = isBroken or meta.sequence == 0 or meta.sequence < me.seen or (known and known.sequence < me.seen)
-- Members that had not come back since a loss when Redis went away may still do so.
if isLost or (now - meta.last > times.outage and meta.last < meta.blind) then meta.blind = now + times.learning end
if isLost or now - meta.last > times.shareLease then meta.generation = math.max(meta.generation + 1, now) end
if isLost or now - meta.last > times.outage then meta.learning = now + times.learning end
if known and me.hasReconnected then meta.reconnecting = now + times.learning end
meta.sequence = math.max(meta.sequence, me.seen) + 1
local isBlind = now < meta.blind
local learns = isBlind
-- After an outage all members come back within a moment: none of them is gone.
for id, member in pairs(members) do
  if id ~= me.id and not member.isLost and member.shareEnd <= now and now < meta.learning then learns = true end
end

local changed = isBroken
for id, member in pairs(members) do
  local isOver = member.leaseEnd <= now or (member.shareEnd <= now and now >= meta.reconnecting and not isAlive(member))
  if id ~= me.id and (member.isLost or (isOver and not learns)) then
    if not member.isLost then changed = true; member.isLost = true; redis.call('HSET', key, 'm:' .. id, cjson.encode(member)) end
    if isAlive(member) then lost[id] = member else redis.call('HDEL', key, 'm:' .. id) end
    members[id] = nil
  end
end

local others = 0
for id in pairs(members) do if id ~= me.id then others = others + 1 end end
local joins = not me.leaves and (others < me.max)
if known and known.isLost then known = nil end
if joins ~= (known ~= nil) then changed = true end
if changed then
  meta.epoch = math.max(meta.epoch + 1, now)
  redis.call('SPUBLISH', channel, '{"type":"beat"}')
end

-- What another member may use at this moment: its share, and what is kept for it when it is over.
local function useOf(member, credentials, total, max)
  local share = member.rates and member.rates[credentials]
  if now < member.shareEnd then return share and share.granted or 0, 0 end
  local isCutOff = now >= member.shareEnd - times.shareLease + times.keptAfter and isAlive(member)
  local mayUseSafe = isCutOff or now < meta.learning
  return 0, mayUseSafe and total / max or 0
end

-- Half of the rate is shared equally, as far as members want it, so that no member has to wait for the many tags of another. The other half is in proportion
-- to what each wants. What no member wants is shared equally, so that each can send its next request without an exchange before it.
local function fairShare(credentials, total)
  local wishes, count, sum, bases = {}, 0, 0, 0
  for id, member in pairs(members) do
    local share = member.rates and member.rates[credentials]
    if now < member.shareEnd then wishes[id], count = share and share.wanted or 0, count + 1 end
  end
  if not joins then return 0 end
  if not wishes[me.id] then count = count + 1 end
  wishes[me.id] = me.rates[credentials].wanted
  local function wishOf(id) return math.max(wishes[id], total / (50 * count)) end
  local function baseOf(id) return math.min(wishOf(id), total / (2 * count)) end
  for id in pairs(wishes) do sum, bases = sum + wishOf(id), bases + baseOf(id) end
  if sum <= total then return wishOf(me.id) + (total - sum) / count end
  return baseOf(me.id) + (total - bases) * (wishOf(me.id) - baseOf(me.id)) / (sum - bases)
end

local shares, kept = {}, {}
for credentials, wish in pairs(me.rates) do
  local used, reserved = 0, 0
  for _, group in ipairs({ members, lost }) do
    for id, member in pairs(group) do
      local share, safe = useOf(member, credentials, wish.total, me.max)
      if id ~= me.id then used, reserved = used + share, reserved + safe end
    end
  end
  local rest = math.max(wish.total - reserved, 0)
  local free = math.max(rest - used, 0)
  local target = fairShare(credentials, rest)
  local granted = math.min(target, free)
  if isBlind then granted = math.min(wish.held, free) end
  if not joins then granted, target = 0, 0 end
  shares[credentials] = { granted = granted, target = target }
  -- Until the member confirms the new share, it may use the old one.
  kept[credentials] = { granted = math.max(granted, wish.held), wanted = wish.wanted }
end

local reply = { sequence = meta.sequence, generation = meta.generation, epoch = meta.epoch, isMember = joins, isKnown = known ~= nil and me.seen >= (known.joined or 0), settled = not learns, isLearning = learns, shares = shares, members = {} }
-- Until it has seen the answer to the exchange in which it joined, it does not know that it was gone. What is lost comes back as if it had never been.
local joined = known and known.joined or (learns and 0 or meta.sequence)
members[me.id] = nil
if joins then
  members[me.id] = { joined = joined, host = me.host, config = me.config, channel = me.channel, leaseEnd = now + times.memberLease, shareEnd = now + times.shareLease, released = me.released, sequence = meta.sequence, rates = kept }
  redis.call('HSET', key, 'm:' .. me.id, cjson.encode(members[me.id]))
else
  redis.call('HDEL', key, 'm:' .. me.id)
end
redis.call('HSET', key, 'sequence', string.format('%.0f', meta.sequence), 'generation', string.format('%.0f', meta.generation), 'epoch', string.format('%.0f', meta.epoch), 'blind', string.format('%.0f', meta.blind), 'learning', string.format('%.0f', meta.learning), 'reconnecting', string.format('%.0f', meta.reconnecting), 'last', string.format('%.0f', now))
for id, member in pairs(members) do
  table.insert(reply.members, { id = id, host = member.host, config = member.config })
  if member.released ~= meta.epoch then reply.settled = false end
end
-- The others wait for the last one.
if reply.settled and joins and not (known and known.released == meta.epoch) then redis.call('SPUBLISH', channel, '{"type":"beat"}') end
-- cjson writes an empty list as a map.
return (string.gsub(cjson.encode(reply), '"members":{}', '"members":[]'))
`;
