#!lua flags=allow-oom
-- settle, requeue and evidence: ARGV 2 attempt ('': the oldest in doubt, else the last), 3 what, 4 written_at
-- or '', 5 and 6 from when on hand-overs are kept one by one and as sums ('': not at
-- all), 7 the attempt's result, then
--   of accepted: 8 provider_id, 9 provider_status, 10 segments or '';
--   of refused:  8 refusal, 9 due or '' to give up, 10 '1' if another account may take it;
--   of never_begun: 8 due.

-- Outdated charges are looked for with one message in so many of a sender.
local FORGET_EVERY = 16

local m = load(KEYS[1])
if not m then return { 'known' } end
local since = now - m.accepted
local number = number_or_false(ARGV[2]) or m.unresolved[1] or m.attempt
local what = ARGV[3]
local written = number_or_false(ARGV[4])
local written_since = written and written - m.accepted

local was_open = is_open(m, number)
if not was_open and not contains(m.unresolved, number) then return { 'known' } end
local before = standing(m)

local function after_refusal(due)
  if m.accepted_earlier then return finish(m, SENT) end
  if due and m.kind == KIND_QUEUED then
    m.state = QUEUED
    m.due = due - m.accepted
    m.evidence_until = false
  elseif #m.unresolved == 0 then
    finish(m, FAILED)
  else
    -- C4: an earlier attempt may have arrived, so this is not `failed`.
    m.state = UNKNOWN
    list(m)
  end
end

local function refused(due)
  if was_open then return after_refusal(due) end
  -- Late word on an attempt that had been marked unknown.
  local last_doubt_gone = m.state == UNKNOWN and #m.unresolved == 0
  if not last_doubt_gone then return end
  if m.listed then finish(m, FAILED) else after_refusal(due) end
end

-- To its fallback account, if no attempt is in doubt: what may have reached one provider is never
-- given to another.
local function move_elsewhere()
  local is_refused = m.state == QUEUED or m.state == FAILED
  if not is_refused or #m.unresolved > 0 or m.kind ~= KIND_QUEUED or not m.fallback then return end
  m.provider, m.frozen = m.fallback, m.frozen_there
  m.fallback, m.frozen_there = false, false
  m.last_there = m.attempt
  m.state = QUEUED
  m.due = since
end

local function accepted()
  m.provider_id = ARGV[8]
  m.provider_status = ARGV[9]
  m.provider_segments = number_or_false(ARGV[10]) or m.provider_segments
  m.sent_at = written_since or m.sent_at or since
  if m.state == SENDING and m.attempt ~= number then
    -- C5: the newer attempt may be on its way to the wire; its conversation waits for it.
    m.accepted_earlier = true
  else
    finish(m, SENT)
  end
end

m.updated = since
local unresolved = {}
for _, other in ipairs(m.unresolved) do
  if other ~= number then table.insert(unresolved, other) end
end
m.unresolved = unresolved
local begun = what ~= 'never_begun'
-- An unresolved attempt cost a try when it was marked unknown; that is given back if it never began.
if was_open and begun then m.tries = math.min(m.tries + 1, LARGEST_U16) end
if not was_open and not begun then m.tries = math.max(m.tries - 1, 0) end
local attempt = attempt_of(m, number)
if attempt then
  attempt[WRITTEN_AT] = written_since or attempt[WRITTEN_AT]
  attempt[RESULT] = ARGV[7]
end

if what == 'accepted' then
  accepted()
elseif what == 'refused' then
  m.refusal = ARGV[8]
  refused(number_or_false(ARGV[9]))
  if ARGV[10] ~= '' then move_elsewhere() end
else
  refused(tonumber(ARGV[8]))
end

local bytes = store(string.sub(KEYS[1], #tag + 2), before, m)
-- And it was charged then, too, by our own count. What the provider counted beyond that is known only now.
if was_open and begun then
  -- Unless no limit looks back.
  if ARGV[5] ~= '' then charge(m, number, written or now) end
elseif what == 'accepted' then
  local rest = (number_or_false(ARGV[10]) or 0) - m.cost
  if rest > 0 then charge_rest(m, number, rest, now) end
end
if ARGV[5] ~= '' and m.seq % FORGET_EVERY == 0 then forget_charges(m.sender, ARGV[5], tonumber(ARGV[6])) end
return { 'done', bytes }
