#!lua
-- append of one message that may not go yet, or expires: ARGV 2 request_until, 3 depth limit, 4 the estimate's from,
-- 5 and per_unit, 6 not_before, from 7 on the draft.
local from, per_unit, not_before = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

local there = redis.call('GET', KEYS[1])
if there then return { 'exists', there } end
if now > tonumber(ARGV[2]) then return { 'late' } end

local m = fresh(7, 0, 0, now)
local sums = redis.call('HMGET', tag .. 's' .. m.sender, 'u', 'l')
local units, scheduled = tonumber(sums[1] or 0), tonumber(sums[2] or 0)
local estimate = math.max(math.min(math.ceil(from + per_unit * units), LATEST), not_before)
if m.expires_at and m.expires_at <= estimate then return { 'too_late', estimate } end

local is_later = not_before > now
local ahead = is_later and scheduled or tonumber(redis.call('HGET', tag .. 'w', m.sender) or 0)
if ahead >= tonumber(ARGV[3]) then return { 'full' } end

m.seq = next_seq(m.sender)
m.position = ahead + 1
m.estimate = estimate - now
if is_later then
  m.state = SCHEDULED
  m.due = not_before - now
end
return { 'stored', store(string.sub(KEYS[1], #tag + 2), NOWHERE, m) }
