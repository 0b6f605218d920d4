#!lua
-- append of messages that may not go yet, or expire. Each of KEYS is a message, all of one shard; for each in ARGV, from 2 on,
-- request_until, depth limit, the estimate's from, and per_unit, not_before, and its draft.
-- Answers a list for each message, in their order.
local OF_APPEND, OF_DRAFT = 5, 14

-- The message of this key, whose arguments begin at this place of ARGV.
local function append(key, at)
  local request_until, depth_limit, from, per_unit, not_before = unpack(ARGV, at, at + OF_APPEND - 1)
  local there = redis.call('GET', key)
  if there then return { 'exists', there } end
  if now > tonumber(request_until) then return { 'late' } end

  local m = fresh(at + OF_APPEND, 0, 0, now)
  local sums = redis.call('HMGET', tag .. 's' .. m.sender, 'u', 'l')
  local units, scheduled = tonumber(sums[1] or 0), tonumber(sums[2] or 0)
  not_before = tonumber(not_before)
  local estimate = math.min(math.ceil(tonumber(from) + tonumber(per_unit) * units), LATEST)
  estimate = math.max(estimate, not_before)
  if m.expires_at and m.expires_at <= estimate then return { 'too_late', estimate } end

  local is_later = not_before > now
  local ahead = is_later and scheduled or tonumber(redis.call('HGET', tag .. 'w', m.sender) or 0)
  if ahead >= tonumber(depth_limit) then return { 'full' } end

  m.seq = next_seq(m.sender)
  m.position = ahead + 1
  m.estimate = estimate - now
  if is_later then
    m.state = SCHEDULED
    m.due = not_before - now
  end
  return { 'stored', store(string.sub(key, #tag + 2), NOWHERE, m) }
end

local answers = {}
for place, key in ipairs(KEYS) do
  answers[place] = append(key, 2 + (place - 1) * (OF_APPEND + OF_DRAFT))
end
return answers
