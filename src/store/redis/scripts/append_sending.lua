#!lua
-- append_sending: ARGV 2 request_until, 3 fence, 4 holder, 5 claim_id, 6 begin_within, 7 answer_within,
-- from 8 on the draft.

-- Before the fence: a repeat of what has landed must not be told that it has not.
local there = redis.call('GET', KEYS[1])
if there then return { 'exists', there } end
if not holds(ARGV[3], ARGV[4]) then return { 'stale' } end
if now > tonumber(ARGV[2]) then return { 'late' } end

local m = fresh(8, next_seq(ARGV[8]), 0, now)
begin(m, ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]))
return { 'stored', store(string.sub(KEYS[1], #tag + 2), NOWHERE, m) }
