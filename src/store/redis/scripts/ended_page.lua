#!lua flags=no-writes
-- ended_page of one shard's finished messages: KEYS 1 their list; ARGV 2 from (an instant), 3 limit. Answers entries,
-- the first of them the first that finished then or later.
local from, limit = tonumber(ARGV[2]), tonumber(ARGV[3])

-- The list is in the order of finishing, by the server's clock.
local below, above = 0, redis.call('LLEN', KEYS[1])
while below < above do
  local middle = math.floor((below + above) / 2)
  local _, finished = cmsgpack.unpack(redis.call('LINDEX', KEYS[1], middle))
  if finished < from then below = middle + 1 else above = middle end
end
return redis.call('LRANGE', KEYS[1], below, below + limit - 1)
