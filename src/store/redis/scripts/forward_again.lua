#!lua flags=allow-oom
-- retry by a process that does not own the sender: ARGV 2 expected, 3 not_after.
local m = load(KEYS[1])
if not m or m.attempt ~= tonumber(ARGV[2]) then return { 'known' } end
if m.state == OFFERED then return { 'done', encode(m) } end

local not_after = tonumber(ARGV[3])
local failed = m.state == FAILED and #m.unresolved == 0
if not failed or m.kind ~= KIND_IMMEDIATE or now > not_after then return { 'known' } end
local before = standing(m)
offer(m, not_after)
return { 'done', store(string.sub(KEYS[1], #tag + 2), before, m) }
