#!lua flags=allow-oom
-- prune of one slot's idempotency keys: KEYS 1 their list; ARGV 2 at most so many. Answers how many went, and
-- '1' if more could.
local most = tonumber(ARGV[2])

local function first_expired()
  local entry = redis.call('LINDEX', KEYS[1], 0)
  if not entry then return nil end
  local name, expires = struct.unpack('>c16I7', entry)
  if expires > now then return nil end
  return name, expires
end

local removed, looked = 0, 0
local name, expires = first_expired()
while name and looked < most do
  -- Outdated where the key was freed or bound anew.
  local row = key_row(tag .. 'i' .. name)
  if row and row.expires == expires then
    redis.call('DEL', tag .. 'i' .. name)
    removed = removed + 1
  end
  redis.call('LPOP', KEYS[1])
  looked = looked + 1
  name, expires = first_expired()
end
return { removed, name and '1' or '' }
