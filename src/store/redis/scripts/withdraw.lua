#!lua flags=allow-oom
-- withdraw. Answers the record, whatever its state.
local m = load(KEYS[1])
if not m then return { 'none' } end
if m.state ~= OFFERED or now <= m.accepted + m.not_after then return { 'found', encode(m) } end
local before = standing(m)
m.not_after = false
finish(m, FAILED)
return { 'found', store(string.sub(KEYS[1], #tag + 2), before, m) }
