#!lua
-- append, of one message or several. Those that wait in the same queue follow each other: they are a part.
-- Each of KEYS is a message. ARGV 2 and 3: what stands in every fresh record behind `accepted`, and in every entry of a
-- queue behind its due time; then the parts, each of
--   how many messages, queue, counts of the sender, waiting, sender, standing, its field,
--   and for each message its numbers (request_until, depth limit, the estimate's from and per_unit, cost; doubles; and a byte, 1 with media),
--   conversation or '', the start of its entry, the start of its record (before `seq`), its end, and the place of its reference or ''.
-- Answers msgpack, as the server takes long over many small values: now, then a list for each message, in their order.

local RECORD_MIDDLE, ENTRY_END = ARGV[2], ARGV[3]
local OF_PART, OF_MESSAGE, NUMBERS = 7, 6, '>dddddB'
local call, pack, format, read = redis.call, cmsgpack.pack, string.format, struct.unpack
local MMS = pack(true)
local answers = { now }

-- The messages of the part at this place of ARGV; `first` is the place of its first one in KEYS.
local function append(part, first)
  local many, queue, counts, waiting, sender, standing, shown = unpack(ARGV, part, part + OF_PART - 1)
  local depth = tonumber(call('HGET', waiting, sender) or 0)
  local sums = call('HMGET', counts, 'n', 'u')
  local seq, units = tonumber(sums[1] or 0), tonumber(sums[2] or 0)
  local entries = {}

  local at = part + OF_PART
  for place = first, first + many - 1 do
    local key = KEYS[place]
    local numbers, conversation, entry, start, rest, reference = unpack(ARGV, at, at + OF_MESSAGE - 1)
    at = at + OF_MESSAGE
    local request_until, depth_limit, from, per_unit, cost, mms = read(NUMBERS, numbers)
    local in_time, has_room = now <= request_until, depth < depth_limit
    local there, estimate
    if in_time and has_room then
      estimate = math.min(math.ceil(from + per_unit * units), LATEST)
      local fresh = start .. pack(seq, now) .. RECORD_MIDDLE .. pack(depth + 1, estimate - now) .. rest
      -- Nothing is stored where there is a record.
      there = call('SET', key, fresh, 'NX', 'GET')
    else
      there = call('GET', key)
    end

    if there then
      answers[place + 1] = { 'exists', there }
    elseif not in_time then
      answers[place + 1] = { 'late' }
    elseif not has_room then
      answers[place + 1] = { 'full' }
    else
      -- As text, as the server makes one of every number, and slowly.
      local score = format('%d', seq)
      if conversation ~= '' then call('ZADD', conversation, score, string.sub(key, -16)) end
      if reference ~= '' then call('ZADD', string.match(key, '^{.-}') .. 'r', 0, reference .. string.sub(key, -16)) end
      entries[#entries + 1] = score
      entries[#entries + 1] = entry .. pack(now) .. ENTRY_END .. (mms == 1 and MMS or '')
      answers[place + 1] = { 'stored', seq, depth + 1, estimate }
      seq, depth, units = seq + 1, depth + 1, units + cost
    end
  end

  if #entries == 0 then return end
  local stored = format('%d', #entries / 2)
  call('ZADD', queue, unpack(entries))
  call('HINCRBY', waiting, sender, stored)
  call('HSET', counts, 'n', format('%d', seq), 'u', format('%d', units))
  call('HINCRBY', standing, shown, stored)
end

local part, first = 4, 1
while first <= #KEYS do
  local many = tonumber(ARGV[part])
  -- What goes wrong in one part is not told of another; its own messages may be stored or not.
  local done, failure = pcall(append, part, first)
  if not done then
    for place = first, first + many - 1 do
      answers[place + 1] = { 'failed', tostring(type(failure) == 'table' and failure.err or failure) }
    end
  end
  part, first = part + OF_PART + many * OF_MESSAGE, first + many
end
return { pack(answers) }
