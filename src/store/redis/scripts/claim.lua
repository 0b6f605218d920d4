#!lua flags=allow-oom
-- claim, of one message or several of one shard: each of KEYS is one, and six of ARGV belong to it, from 2 on:
-- fence, holder, expected, claim_id, begin_within, answer_within. Answers a list for each, in their order.

-- How far behind a message that is sent again by hand the open one of its conversation can be: each of
-- those in between was listed and is sent again by hand, too.
local LISTED_BEFORE = 64

-- Each record once: a claim sees what an earlier one of this call made of it.
local records = {}

local function record(id)
  if records[id] == nil then records[id] = load(tag .. 'm' .. id) or false end
  return records[id]
end

-- C7: the owner need not know every message that waits, so the store looks itself.
local function head_before(id, m)
  if not m or not is_in_conversation(m) then return nil end
  local head = redis.call('ZRANGE', conversation_key(m), 0, 0)[1]
  return head and head ~= id and record(head) and head
end

-- The others of the conversation of what was listed once; one of them may be on its way.
local function others_of(id, m)
  local others = {}
  if not m or not m.overtaken then return others end
  for _, other in ipairs(redis.call('ZRANGE', conversation_key(m), 0, LISTED_BEFORE)) do
    if other ~= id and record(other) then table.insert(others, other) end
  end
  return others
end

-- The claim of the message at this place of KEYS, with all that is read for it.
local function claim_of(place)
  local first = 6 * place - 4
  local id = string.sub(KEYS[place], #tag + 2)
  local m = record(id)
  return {
    id = id, m = m, head = head_before(id, m), others = others_of(id, m),
    held = holds(ARGV[first], ARGV[first + 1]), expected = tonumber(ARGV[first + 2]),
    claim_id = ARGV[first + 3], begin_within = tonumber(ARGV[first + 4]),
    answer_within = tonumber(ARGV[first + 5]),
  }
end

local function not_head(id)
  local other = record(id)
  return { 'not_head', other.seq, other.lane, waiting_entry(id, other) }
end

local function take(claim)
  if not claim.held then return { 'stale' } end
  local m = claim.m
  if not m then return { 'changed' } end
  if m.state == QUEUED and m.attempt == claim.expected then
    if claim.head then return not_head(claim.head) end
    for _, other in ipairs(claim.others) do
      if is_unsettled(record(other)) then return not_head(other) end
    end
  end

  local last = last_attempt(m)
  if m.state == SENDING and last and last[CLAIM_ID] == claim.claim_id then return { 'already', encode(m) } end
  if m.state ~= QUEUED or m.attempt ~= claim.expected then return { 'changed' } end
  -- Never late, however long the claim waited.
  if is_expired(m) then return { 'expired' } end
  if m.due > now - m.accepted then return { 'not_due', m.accepted + m.due } end
  local before = standing(m)
  begin(m, claim.claim_id, claim.begin_within, claim.answer_within)
  return { 'yes', store(claim.id, before, m) }
end

-- All of them are read before the first is taken, so a record that cannot be read leaves every one alone.
local claims, answers = {}, {}
for place = 1, #KEYS do claims[place] = claim_of(place) end
for place, claim in ipairs(claims) do answers[place] = take(claim) end
return answers
