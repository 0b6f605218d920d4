#!lua flags=allow-oom
-- take_immediate: ARGV 2 fence, 3 holder, 4 expected, 5 claim_id, 6 begin_within, 7 answer_within.
if not holds(ARGV[2], ARGV[3]) then return { 'stale' } end
local m = load(KEYS[1])
if not m then return { 'changed' } end

local last = last_attempt(m)
if m.state == SENDING and last and last[CLAIM_ID] == ARGV[5] then return { 'already', encode(m) } end
if m.state ~= OFFERED or m.attempt ~= tonumber(ARGV[4]) then return { 'changed' } end
-- C9: afterwards it may have been withdrawn, and its requester been told so.
if now > m.accepted + m.not_after then return { 'changed' } end
local before = standing(m)
m.not_after = false
begin(m, ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]))
return { 'yes', store(string.sub(KEYS[1], #tag + 2), before, m) }
