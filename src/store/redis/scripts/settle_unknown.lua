#!lua flags=allow-oom
-- settle_unknown: ARGV 2 fence, 3 holder, 4 attempt, 5 policy, 6 how long after the first of the open
-- questions a repeat is known as one, 7 and 8 the first and the longest wait between repeats.
if not holds(ARGV[2], ARGV[3]) then return { 'stale' } end
local m = load(KEYS[1])
if not m then return { 'known' } end
local since = now - m.accepted
local waited = m.evidence_until and m.evidence_until <= since
if m.state ~= UNKNOWN or m.attempt ~= tonumber(ARGV[4]) or m.listed or not waited then return { 'known' } end

local function is_repeatable()
  if m.kind ~= KIND_QUEUED or not m.frozen then return false end
  local asked_at = since
  for _, attempt in ipairs(m.attempts) do
    if contains(m.unresolved, attempt[NUMBER]) then
      asked_at = attempt[CLAIMED_AT]
      break
    end
  end
  return math.max(since - asked_at, 0) < tonumber(ARGV[6])
end

-- None before the first repeat, then doubled with each one up to the longest.
local function wait_before_repeat()
  local doublings = #m.unresolved - 2
  if doublings < 0 then return 0 end
  return math.min(tonumber(ARGV[7]) * 2 ^ math.min(doublings, 16), tonumber(ARGV[8]))
end

local before = standing(m)
if is_repeatable() then
  send_again(m, since + wait_before_repeat())
elseif ARGV[5] == 'resend' and m.kind == KIND_QUEUED then
  send_again(m, since)
else
  m.updated = since
  list(m)
end
return { 'done', store(string.sub(KEYS[1], #tag + 2), before, m) }
