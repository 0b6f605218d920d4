#!lua flags=allow-oom
-- postpone: ARGV 2 expected, 3 due.
local m = load(KEYS[1])
if not m or m.state ~= QUEUED or m.attempt ~= tonumber(ARGV[2]) or #m.unresolved > 0 then return { 'known' } end
local before = standing(m)
m.updated = now - m.accepted
m.state = SCHEDULED
m.due = tonumber(ARGV[3]) - m.accepted
return { 'done', store(string.sub(KEYS[1], #tag + 2), before, m) }
