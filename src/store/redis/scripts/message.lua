-- Put in front of every script that changes a message, behind the prelude: the form of its record,
-- and the rows that follow from it. `keys.rs` describes each key and each value; the rules are those
-- of `domain/message`, and `contract/walk.rs` holds these to them.
--
-- The instants of a record are microseconds since its `accepted`, but for `expires_at`.

-- Where there is no reference, the one before it is written, and where nothing expires, the one before that.
-- Versions 3 to 5 are the same with drafts of an older form, which they keep.
local VERSION, WITHOUT_REFERENCE, WITHOUT_EXPIRY = 8, 7, 6
local OF_OLDER_DRAFTS = 3
local QUEUED, SENDING, UNKNOWN, SENT, FAILED, CANCELLED, OFFERED, SCHEDULED = 0, 1, 2, 3, 4, 5, 6, 7
local KIND_QUEUED, KIND_IMMEDIATE = 0, 1
local SHOWN_QUEUED, SHOWN_SENDING, SHOWN_SENT, SHOWN_FAILED, SHOWN_CANCELLED = 0, 1, 2, 3, 4
-- The fields of an attempt.
local NUMBER, CLAIM_ID, CLAIMED_AT, BEGIN_BY, DEADLINE, WRITTEN_AT, RESULT = 1, 2, 3, 4, 5, 6, 7
-- ATTEMPTS_KEPT of the domain.
local ATTEMPTS_KEPT = 16
local LARGEST_U16 = 65535
local MINUTE = 60000000
-- How many minutes are counted together.
local MINUTES = 60


local function contains(list, item)
  for _, other in ipairs(list) do
    if other == item then return true end
  end
  return false
end

-- The record of a message, or nil.
local function load(key)
  local bytes = redis.call('GET', key)
  if not bytes then return nil end
  local read, a = pcall(cmsgpack.unpack, bytes)
  if not read or type(a) ~= 'table' then corrupt("a message's record cannot be decoded") end
  -- Version 1 knew no offers and ended before `not_after`; version 2 did not tell media apart and ended before `mms`.
  local version = a[1]
  local is_known = type(version) == 'number' and version >= 1 and version <= VERSION
  if not is_known then corrupt("a message's record has the unknown version " .. tostring(version)) end
  return {
    state = a[2], seq = a[3], accepted = a[4], updated = a[5], due = a[6], attempt = a[7], tries = a[8],
    unresolved = a[9], accepted_earlier = a[10], listed = a[11], last_there = a[12], overtaken = a[13],
    evidence_until = a[14], attempts = a[15], sent_at = a[16], provider_id = a[17],
    provider_status = a[18], provider_segments = a[19], refusal = a[20], position = a[21],
    estimate = a[22], sender = a[23], recipient = a[24], lane = a[25], kind = a[26],
    organization = a[27], provider = a[28], cost = a[29], frozen = a[30], fallback = a[31],
    frozen_there = a[32], draft = a[33], not_after = a[34] or false, mms = a[35] or false,
    expires_at = a[36] or false, reference = a[37] or false,
    older = version < WITHOUT_EXPIRY and OF_OLDER_DRAFTS or 0,
  }
end

local function encode(m)
  local a = {
    WITHOUT_EXPIRY, m.state, m.seq, m.accepted, m.updated, m.due, m.attempt, m.tries,
    m.unresolved, m.accepted_earlier, m.listed, m.last_there, m.overtaken,
    m.evidence_until, m.attempts, m.sent_at, m.provider_id,
    m.provider_status, m.provider_segments, m.refusal, m.position,
    m.estimate, m.sender, m.recipient, m.lane, m.kind,
    m.organization, m.provider, m.cost, m.frozen, m.fallback,
    m.frozen_there, m.draft, m.not_after, m.mms,
  }
  if m.reference then
    a[1], a[36], a[37] = VERSION, m.expires_at, m.reference
  elseif m.expires_at then
    a[1], a[36] = WITHOUT_REFERENCE, m.expires_at
  end
  a[1] = a[1] - m.older
  return cmsgpack.pack(a)
end

-- A record that is accepted now, of the draft in ARGV[first] and behind it.
local function fresh(first, seq, position, estimate)
  return {
    state = QUEUED, seq = seq, accepted = now, updated = 0, due = 0, attempt = 0, tries = 0,
    unresolved = {}, accepted_earlier = false, listed = false, last_there = false, overtaken = false,
    evidence_until = false, attempts = {}, sent_at = false, provider_id = false,
    provider_status = false, provider_segments = false, refusal = false, position = position,
    estimate = estimate - now, sender = ARGV[first], recipient = ARGV[first + 1],
    lane = tonumber(ARGV[first + 2]), kind = tonumber(ARGV[first + 3]),
    organization = tonumber(ARGV[first + 4]), provider = tonumber(ARGV[first + 5]),
    cost = tonumber(ARGV[first + 6]), frozen = ARGV[first + 7] ~= '',
    fallback = number_or_false(ARGV[first + 8]), frozen_there = ARGV[first + 9] ~= '',
    mms = ARGV[first + 10] ~= '', draft = ARGV[first + 11], not_after = false,
    expires_at = number_or_false(ARGV[first + 12]),
    reference = ARGV[first + 13] ~= '' and ARGV[first + 13], older = 0,
  }
end

local function last_attempt(m)
  return m.attempts[#m.attempts]
end

local function attempt_of(m, number)
  for _, attempt in ipairs(m.attempts) do
    if attempt[NUMBER] == number then return attempt end
  end
end

local function is_open(m, number)
  return m.state == SENDING and m.attempt == number
end

local function is_in_conversation(m)
  return m.kind == KIND_QUEUED and m.state < SENT and not m.listed
end

local function is_unsettled(m)
  return (m.state == SENDING or m.state == UNKNOWN or m.state == OFFERED) and not m.listed
end

local function is_final(m)
  return m.state == SENT or m.state == FAILED or m.state == CANCELLED
end

local function is_doubtful(m)
  return m.state == UNKNOWN or (m.state == QUEUED and #m.unresolved > 0)
end

-- C3: what may have reached a provider is shown as sending, also while it waits to be sent again.
local function shown(m)
  if m.state == SCHEDULED or (m.state == QUEUED and #m.unresolved == 0) then return SHOWN_QUEUED end
  if m.state <= UNKNOWN or m.state == OFFERED then return SHOWN_SENDING end
  if m.state == SENT then return SHOWN_SENT end
  if m.state == FAILED then return SHOWN_FAILED end
  return SHOWN_CANCELLED
end

-- Is it not worth sending any more?
local function is_expired(m)
  return m.expires_at and m.expires_at <= now
end

-- When something is to be done about it that nothing but the clock brings, as an instant of that.
local function timer(m)
  if m.state == QUEUED then return m.expires_at end
  if m.state ~= SCHEDULED then return false end
  return math.min(m.accepted + m.due, m.expires_at or LATEST)
end

-- What the pace pays: as the provider counts, where that is known.
local function cost(m)
  return m.provider_segments and math.max(m.provider_segments, 1) or m.cost
end

-- Which rows a record has as long as it stands as it does. Taken before a transition, so that `store`
-- knows what to undo.
local function standing(m)
  return {
    waiting = m.state == QUEUED,
    in_conversation = is_in_conversation(m),
    unsettled = is_unsettled(m),
    doubtful = is_doubtful(m),
    scheduled = m.state == SCHEDULED,
    timer = timer(m),
    -- That of a scheduled message changes when its time comes.
    seq = m.seq,
    finished = is_final(m) and m.updated,
    shown = shown(m),
    provider = m.provider,
  }
end

-- Of a record that is not stored yet.
local NOWHERE = {
  waiting = false, in_conversation = false, unsettled = false, doubtful = false, scheduled = false, timer = false,
  finished = false,
}

local function queue_key(m)
  return tag .. 'q' .. m.lane .. m.sender
end

local function conversation_key(m)
  return tag .. 'c' .. m.lane .. m.sender .. m.recipient
end

-- What the queue says of a message; its score there is its `seq`.
local function waiting_entry(id, m)
  local entry = cmsgpack.pack(id, m.recipient, m.cost, m.accepted + m.due, m.attempt, m.last_there ~= false)
  -- Only of one with media anything follows.
  return m.mms and entry .. cmsgpack.pack(true) or entry
end

local function unsettled_entry(m)
  local last = last_attempt(m)
  return cmsgpack.pack(
    m.sender, m.recipient, m.lane, m.attempt, m.cost, is_in_conversation(m),
    last and m.accepted + last[BEGIN_BY] or 0, last and m.accepted + last[DEADLINE] or 0,
    m.evidence_until and m.accepted + m.evidence_until, m.not_after and m.accepted + m.not_after, m.mms
  )
end

local function move_queue(id, before, after, m)
  if before.waiting then redis.call('ZREMRANGEBYSCORE', queue_key(m), m.seq, m.seq) end
  if after.waiting then redis.call('ZADD', queue_key(m), m.seq, waiting_entry(id, m)) end
  if before.waiting == after.waiting then return end
  local by = after.waiting and 1 or -1
  local depth = redis.call('HINCRBY', tag .. 'w', m.sender, by)
  if depth <= 0 then redis.call('HDEL', tag .. 'w', m.sender) end
  redis.call('HINCRBY', tag .. 's' .. m.sender, 'u', by * m.cost)
end

local function move_timer(id, before, after, m)
  if before.timer ~= after.timer or (after.timer and before.seq ~= after.seq) then
    local timers = tag .. 'a'
    if before.timer then redis.call('ZREM', timers, struct.pack('>I6', before.seq) .. id) end
    if after.timer then redis.call('ZADD', timers, after.timer, struct.pack('>I6', m.seq) .. id) end
  end
  if before.scheduled ~= after.scheduled then
    redis.call('HINCRBY', tag .. 's' .. m.sender, 'l', after.scheduled and 1 or -1)
  end
end

local function add_to_minute(m, provider, sent, failed, millis)
  local key = tag .. 'h' .. m.organization
  local minute = math.floor(now / MINUTE)
  local field = minute * 4 + provider
  local stored = redis.call('HGET', key, field)
  if stored then
    local s, f, t = cmsgpack.unpack(stored)
    sent, failed, millis = sent + s, failed + f, millis + t
  else
    -- With each new minute its old ones go, so there are never many.
    for _, old in ipairs(redis.call('HKEYS', key)) do
      if math.floor(old / 4) <= minute - MINUTES then redis.call('HDEL', key, old) end
    end
  end
  redis.call('HSET', key, field, cmsgpack.pack(sent, failed, millis))
end

local function count(before, after, m)
  if before.shown == after.shown and before.provider == after.provider then return end
  local key = tag .. 't' .. m.organization
  if before.shown and before.shown <= SHOWN_SENDING then
    redis.call('HINCRBY', key, before.provider * 2 + before.shown, -1)
  end
  if after.shown <= SHOWN_SENDING then
    redis.call('HINCRBY', key, after.provider * 2 + after.shown, 1)
  elseif after.shown == SHOWN_SENT then
    add_to_minute(m, after.provider, 1, 0, math.floor(math.max(now - m.accepted, 0) / 1000))
  elseif after.shown == SHOWN_FAILED then
    add_to_minute(m, after.provider, 0, 1, 0)
  end
end

-- Stores what a transition made of a record that stood as `before`, and moves its rows. Gives the
-- record's bytes.
local function store(id, before, m)
  local after, bytes = standing(m), encode(m)
  redis.call('SET', tag .. 'm' .. id, bytes)
  if before == NOWHERE and m.reference then redis.call('ZADD', tag .. 'r', 0, m.reference .. id) end
  move_queue(id, before, after, m)
  if after.in_conversation and not before.in_conversation then
    redis.call('ZADD', conversation_key(m), m.seq, id)
  elseif before.in_conversation and not after.in_conversation then
    redis.call('ZREM', conversation_key(m), id)
  end
  if after.unsettled then
    redis.call('HSET', tag .. 'o', id, unsettled_entry(m))
  elseif before.unsettled then
    redis.call('HDEL', tag .. 'o', id)
  end
  if after.doubtful ~= before.doubtful then
    local member = struct.pack('>I4', m.organization) .. id
    if after.doubtful then redis.call('ZADD', tag .. 'd', 0, member) else redis.call('ZREM', tag .. 'd', member) end
  end
  move_timer(id, before, after, m)
  if after.finished and after.finished ~= before.finished then
    redis.call('RPUSH', tag .. 'f', cmsgpack.pack(id, m.accepted + m.updated))
  end
  count(before, after, m)
  return bytes
end

-- What a charge is, where a byte says it: else it is a text message's.
local REST, MMS, REST_OF_MMS = 0, 1, 2

-- Notes what an attempt cost of its sender's pace, at an instant of the clock.
local function charge(m, attempt, at)
  local member = m.mms and struct.pack('>I6I2BI4', m.seq, attempt, MMS, cost(m))
    or struct.pack('>I6I2I4', m.seq, attempt, cost(m))
  redis.call('ZADD', tag .. 'p' .. m.sender, at, member)
end

-- The same of units that were not known when the attempt was charged. With its byte it is a member of its
-- own, whatever it costs.
local function charge_rest(m, attempt, units, at)
  local member = struct.pack('>I6I2BI4', m.seq, attempt, m.mms and REST_OF_MMS or REST, units)
  redis.call('ZADD', tag .. 'p' .. m.sender, at, member)
end

local function next_seq(sender)
  return redis.call('HINCRBY', tag .. 's' .. sender, 'n', 1) - 1
end

-- The next attempt, by this claim.
local function begin(m, claim_id, begin_within, answer_within)
  local since = now - m.accepted
  m.attempt = math.min(m.attempt + 1, LARGEST_U16)
  m.state = SENDING
  m.updated = since
  if #m.attempts >= ATTEMPTS_KEPT then
    -- Of open questions the first is kept: it says how long they have been open.
    local oldest_settled = 2
    for place, old in ipairs(m.attempts) do
      if not contains(m.unresolved, old[NUMBER]) then
        oldest_settled = place
        break
      end
    end
    table.remove(m.attempts, oldest_settled)
  end
  table.insert(m.attempts, { m.attempt, claim_id, since, since + begin_within, since + answer_within, false, false })
end

-- To its sender's owner, to be taken until this instant of the clock.
local function offer(m, not_after)
  m.state = OFFERED
  m.updated = now - m.accepted
  m.not_after = not_after - m.accepted
end

local function finish(m, state)
  m.state = state
  m.updated = now - m.accepted
  m.evidence_until = false
  -- No doubt is left, and a retry of it must be watched again.
  m.listed = false
end

local function list(m)
  m.evidence_until = false
  m.listed = true
  m.overtaken = true
end

local function send_again(m, due)
  m.updated = now - m.accepted
  m.evidence_until = false
  m.listed = false
  m.state = QUEUED
  m.due = due
end
