#!lua flags=allow-oom
-- announce: KEYS 1 who is there; ARGV 2 who says it, 3 what it has, 4 for how long. Answers all that are
-- there: who, what it has, and so on.
redis.call('HSET', KEYS[1], ARGV[2], cmsgpack.pack({ now + tonumber(ARGV[4]), ARGV[3] }))
local rows = redis.call('HGETALL', KEYS[1])
local there = {}
for i = 1, #rows, 2 do
  local read, row = pcall(cmsgpack.unpack, rows[i + 1])
  if not read or type(row) ~= 'table' or (tonumber(row[1]) or 0) <= now then
    redis.call('HDEL', KEYS[1], rows[i])
  else
    there[#there + 1] = rows[i]
    there[#there + 1] = row[2]
  end
end
return there
