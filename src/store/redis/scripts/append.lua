#!lua
-- append, of one message or several. Those that wait in the same queue follow each other: they are a part.
-- Each of KEYS is a message. ARGV 2 and 3: what stands in every fresh record behind `accepted`, and in every entry of a
-- queue behind its due time; then the parts, each of
--   how many messages, queue, counts of the sender, waiting, sender, standing, its field,
--   the start of their records (before `seq`), and the references or '': then each record ends with the place of its own,
--   and for each message its numbers (request_until, depth limit, the estimate's from and per_unit, cost; doubles; and a byte, 1 with media),
--   conversation or '', the start of its entry, and the end of its record.
-- Answers msgpack, as the server takes long over many small values: now, then of each message, in their order, a
-- number and what belongs to it: 0 stored (its seq, position, and how far away its turn is), 1 exists (its record),
-- 2 full, 3 late, 4 failed (why).

local RECORD_MIDDLE, ENTRY_END = ARGV[2], ARGV[3]
local OF_PART, OF_MESSAGE, NUMBERS, OF_PLACE = 9, 4, '>dddddB', 20
local STORED, EXISTS, FULL, LATE, FAILED = 0, 1, 2, 3, 4
local call, pack, format, read = redis.call, cmsgpack.pack, string.format, struct.unpack
local NOW, MMS = pack(now), pack(true)
local ACCEPTED = NOW .. RECORD_MIDDLE
local DUE = NOW .. ENTRY_END
local answers = { NOW }

-- Records are read before the first part and written behind the last: neither can fail. The same message may come twice
-- in a call, also in two parts. The first `queued` of `records`, keys and bytes in turn, are of messages that are in
-- their queue: only those are written, as a record says that its message waits.
local there = call('MGET', unpack(KEYS))
local fresh, records, queued = {}, {}, 0

-- The messages of the part at this place of ARGV; `first` is the place of its first one in KEYS. What they share is
-- read before the first and written behind the last of them.
local function append(part, first)
  local many, queue, counts, waiting, sender, standing, shown, start, references = unpack(ARGV, part, part + OF_PART - 1)
  local depth = tonumber(call('HGET', waiting, sender) or 0)
  local sums = call('HMGET', counts, 'n', 'u')
  local seq, units = tonumber(sums[1] or 0), tonumber(sums[2] or 0)
  local entries = {}

  local at = part + OF_PART
  for place = first, first + many - 1 do
    local key = KEYS[place]
    local numbers, conversation, entry, rest = unpack(ARGV, at, at + OF_MESSAGE - 1)
    at = at + OF_MESSAGE
    local request_until, depth_limit, from, per_unit, cost, mms = read(NUMBERS, numbers)
    local record = there[place] or fresh[key]

    if record then
      answers[place + 1] = pack(EXISTS, record)
    elseif now > request_until then
      answers[place + 1] = pack(LATE)
    elseif depth >= depth_limit then
      answers[place + 1] = pack(FULL)
    else
      depth = depth + 1
      local away = math.min(math.ceil(from + per_unit * units), LATEST) - now
      local id, its_seq, told = string.sub(key, -16), pack(seq), pack(depth, away)
      -- As text, as the server makes one of every number, and slowly.
      local score = format('%d', seq)
      if conversation ~= '' then call('ZADD', conversation, score, id) end
      if references ~= '' then call('ZADD', references, 0, string.sub(rest, -OF_PLACE) .. id) end
      fresh[key] = start .. its_seq .. ACCEPTED .. told .. rest
      records[#records + 1] = key
      records[#records + 1] = fresh[key]
      entries[#entries + 1] = score
      entries[#entries + 1] = mms == 1 and entry .. DUE .. MMS or entry .. DUE
      answers[place + 1] = pack(STORED) .. its_seq .. told
      seq, units = seq + 1, units + cost
    end
  end

  if #entries == 0 then return end
  local stored = format('%d', #entries / 2)
  call('ZADD', queue, unpack(entries))
  queued = #records
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
    local why = pack(FAILED, tostring(type(failure) == 'table' and failure.err or failure))
    for place = first, first + many - 1 do answers[place + 1] = why end
    for place = #records - 1, queued + 1, -2 do
      fresh[records[place]] = nil
      records[place], records[place + 1] = nil, nil
    end
  end
  part, first = part + OF_PART + many * OF_MESSAGE, first + many
end
if #records > 0 then call('MSET', unpack(records)) end
return { table.concat(answers) }
