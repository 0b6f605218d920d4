#!lua flags=allow-oom
-- mark_unknown: ARGV 2 fence, 3 holder, 4 attempt, 5 written_at or '', 6 margin, 7 evidence_within,
-- 8 the attempt's result.
if not holds(ARGV[2], ARGV[3]) then return { 'stale' } end
local m = load(KEYS[1])
if not m then return { 'known' } end
local since = now - m.accepted
local number, margin = tonumber(ARGV[4]), tonumber(ARGV[6])
local open = last_attempt(m)
if not open or open[NUMBER] ~= number then return { 'known' } end
if since < open[DEADLINE] + margin then return { 'known' } end
if not is_open(m, number) then return { 'known' } end

local before = standing(m)
local written = number_or_false(ARGV[5])
local charged_at = written and written - m.accepted or open[BEGIN_BY] + margin
m.updated = since
m.tries = math.min(m.tries + 1, LARGEST_U16)
open[RESULT] = ARGV[8]
open[WRITTEN_AT] = open[WRITTEN_AT] or charged_at
table.insert(m.unresolved, number)
if m.accepted_earlier then
  finish(m, SENT)
else
  m.state = UNKNOWN
  -- What can be repeated needs no evidence.
  m.evidence_until = since + (m.frozen and 0 or tonumber(ARGV[7]))
end
local bytes = store(string.sub(KEYS[1], #tag + 2), before, m)
charge(m, number, m.accepted + charged_at)
return { 'done', bytes }
