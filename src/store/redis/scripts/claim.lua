#!lua flags=allow-oom
-- claim: ARGV 2 fence, 3 holder, 4 expected, 5 claim_id, 6 begin_within, 7 answer_within.

-- How far behind a message that is sent again by hand the open one of its conversation can be: each of
-- those in between was listed and is sent again by hand, too.
local LISTED_BEFORE = 64

if not holds(ARGV[2], ARGV[3]) then return { 'stale' } end
local m = load(KEYS[1])
if not m then return { 'changed' } end
local id = string.sub(KEYS[1], #tag + 2)

if m.state == QUEUED and m.attempt == tonumber(ARGV[4]) then
  -- C7: the owner need not know every message that waits, so the store looks itself.
  if is_in_conversation(m) then
    local head = redis.call('ZRANGE', conversation_key(m), 0, 0)[1]
    if head and head ~= id then
      local other = load(tag .. 'm' .. head)
      if other then return { 'not_head', other.seq, waiting_entry(head, other) } end
    end
  end
  if m.overtaken then
    for _, behind in ipairs(redis.call('ZRANGE', conversation_key(m), 0, LISTED_BEFORE)) do
      local other = behind ~= id and load(tag .. 'm' .. behind)
      if other and is_unsettled(other) then
        return { 'not_head', other.seq, waiting_entry(behind, other) }
      end
    end
  end
end

local last = last_attempt(m)
if m.state == SENDING and last and last[CLAIM_ID] == ARGV[5] then return { 'already', encode(m) } end
if m.state ~= QUEUED or m.attempt ~= tonumber(ARGV[4]) then return { 'changed' } end
if m.due > now - m.accepted then return { 'not_due', m.accepted + m.due } end
local before = standing(m)
begin(m, ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]))
return { 'yes', store(id, before, m) }
