#!lua flags=allow-oom
-- cancel: ARGV 2 organization. Answers what it found, and what is shown now.
local m = load(KEYS[1])
if not m or m.organization ~= tonumber(ARGV[2]) then return { 'none' } end
if m.state == CANCELLED then return { 'before', shown(m) } end
-- C3: only what no provider can have seen.
if (m.state ~= QUEUED and m.state ~= SCHEDULED) or #m.unresolved > 0 then return { 'too_late', shown(m) } end
local before = standing(m)
m.updated = now - m.accepted
m.state = CANCELLED
store(string.sub(KEYS[1], #tag + 2), before, m)
return { 'done', shown(m) }
