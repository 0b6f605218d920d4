-- Put in front of `settle`: adds up what need not be known one by one any more (`steps/charges.rs`).

-- How many charges, and how many sums, go at most.
local REMOVED = 64
-- QUARTER and SUMS_KEPT of the ports.
local QUARTER, SUMS_KEPT = 900000000, 97200000000

-- A charge's segments, its messages (1, or 0 of a rest), and whether it has media.
local function read_charge(member)
  if #member == 12 then
    local segments = struct.unpack('>I4', member, 9)
    return segments, 1, false
  end
  local kind, segments = struct.unpack('>BI4', member, 9)
  return segments, kind == MMS and 1 or 0, kind ~= REST
end

-- Of each kind the last instant, segments, messages; sums that are not there yet are new.
local function sums_of(key, quarter)
  local stored = redis.call('HGET', key, quarter)
  if not stored then return { is_new = true, sms = { 0, 0, 0 }, mms = { 0, 0, 0 } } end
  local a, b, c, d, e, f = cmsgpack.unpack(stored)
  return { sms = { a, b, c }, mms = { d, e, f } }
end

local function forget_sums(key, before)
  local first_kept, old = math.floor(before / QUARTER), {}
  for _, quarter in ipairs(redis.call('HKEYS', key)) do
    if tonumber(quarter) < first_kept then table.insert(old, tonumber(quarter)) end
  end
  table.sort(old)
  for place = 1, math.min(#old, REMOVED) do redis.call('HDEL', key, old[place]) end
end

local function forget_charges(sender, each_from, sums_from)
  local charges, key = tag .. 'p' .. sender, tag .. 'b' .. sender
  local outdated = redis.call('ZRANGEBYSCORE', charges, '-inf', '(' .. each_from, 'WITHSCORES', 'LIMIT', 0, REMOVED)
  if #outdated == 0 then return end
  local all, is_new = {}, false
  for place = 1, #outdated, 2 do
    local at = tonumber(outdated[place + 1])
    local segments, messages, mms = read_charge(outdated[place])
    local quarter = math.floor(at / QUARTER)
    all[quarter] = all[quarter] or sums_of(key, quarter)
    local sum = all[quarter][mms and 'mms' or 'sms']
    sum[1], sum[2], sum[3] = math.max(sum[1], at), sum[2] + segments, sum[3] + messages
  end
  redis.call('ZREMRANGEBYRANK', charges, 0, #outdated / 2 - 1)
  for quarter, sums in pairs(all) do
    local sms, mms = sums.sms, sums.mms
    redis.call('HSET', key, quarter, cmsgpack.pack(sms[1], sms[2], sms[3], mms[1], mms[2], mms[3]))
    is_new = is_new or sums.is_new
  end
  if is_new then forget_sums(key, math.min(sums_from, now - SUMS_KEPT)) end
end
