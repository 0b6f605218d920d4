#!lua flags=allow-oom
-- prune of one shard's finished messages: KEYS 1 their list; ARGV 2 before, 3 at most so many. Answers how
-- many went, and '1' if more could.
local before, most = tonumber(ARGV[2]), tonumber(ARGV[3])

-- The list is in the order of finishing. An entry is outdated where its message was tried again.
local function first_old()
  local entry = redis.call('LINDEX', KEYS[1], 0)
  if not entry then return nil end
  local id, finished = cmsgpack.unpack(entry)
  if finished >= before then return nil end
  return id, finished
end

local removed, looked = 0, 0
local id, finished = first_old()
while id and looked < most do
  local m = load(tag .. 'm' .. id)
  if m and is_final(m) and m.accepted + m.updated == finished then
    redis.call('DEL', tag .. 'm' .. id)
    if m.reference then redis.call('ZREM', tag .. 'r', m.reference .. id) end
    removed = removed + 1
  end
  redis.call('LPOP', KEYS[1])
  looked = looked + 1
  id, finished = first_old()
end
return { removed, id and '1' or '' }
