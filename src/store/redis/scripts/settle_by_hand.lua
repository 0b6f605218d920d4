#!lua flags=allow-oom
-- settle_by_hand: ARGV 2 organization, 3 verdict.
local m = load(KEYS[1])
if not m or m.organization ~= tonumber(ARGV[2]) then return { 'none' } end
local is_under_way = m.state == SENDING or m.state == OFFERED
if not is_doubtful(m) then return { is_under_way and 'under_way' or 'known' } end

local since = now - m.accepted
local before = standing(m)
local verdict = ARGV[3]
if verdict == 'sent' then
  local last = last_attempt(m)
  m.unresolved = {}
  m.sent_at = last and last[WRITTEN_AT] or since
  finish(m, SENT)
elseif verdict == 'retry' and m.kind == KIND_IMMEDIATE then
  return { 'immediate' }
elseif m.state ~= UNKNOWN then
  return { 'under_way' }
elseif verdict == 'failed' then
  m.unresolved = {}
  finish(m, FAILED)
else
  send_again(m, since)
end
return { 'done', store(string.sub(KEYS[1], #tag + 2), before, m) }
