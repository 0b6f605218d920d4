#!lua flags=allow-oom
-- time_up, of one message or several of one shard: each of KEYS is one; ARGV 2 the refusal of what has expired.
-- Answers a list for each, in their order.

local function time_up(key)
  local id, m = string.sub(key, #tag + 2), load(key)
  if not m or (m.state ~= QUEUED and m.state ~= SCHEDULED) then return { 'none' } end
  local before = standing(m)
  if is_expired(m) then
    if #m.unresolved == 0 then
      m.refusal = ARGV[2]
      finish(m, FAILED)
    else
      -- C4: an attempt may have arrived, so this is not `failed`.
      m.updated = now - m.accepted
      m.state = UNKNOWN
      list(m)
    end
    return { 'expired', store(id, before, m) }
  end

  if m.state ~= SCHEDULED or m.due > now - m.accepted then return { 'none' } end
  m.updated = now - m.accepted
  m.state = QUEUED
  m.seq = next_seq(m.sender)
  return { 'due', store(id, before, m) }
end

local answers = {}
for place, key in ipairs(KEYS) do answers[place] = time_up(key) end
return answers
