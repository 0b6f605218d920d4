#!lua flags=allow-oom
-- retry: ARGV 2 fence, 3 holder, 4 expected, 5 claim_id, 6 begin_within, 7 answer_within.
if not holds(ARGV[2], ARGV[3]) then return { 'stale' } end
local m = load(KEYS[1])
if not m then return { 'changed' } end

local last = last_attempt(m)
if m.state == SENDING and last and last[CLAIM_ID] == ARGV[5] then return { 'already', encode(m) } end
local failed = m.state == FAILED and #m.unresolved == 0
if not failed or m.attempt ~= tonumber(ARGV[4]) or m.kind ~= KIND_IMMEDIATE then return { 'changed' } end
local before = standing(m)
begin(m, ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]))
return { 'yes', store(string.sub(KEYS[1], #tag + 2), before, m) }
