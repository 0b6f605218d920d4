#!lua flags=allow-oom
-- acquire_lease: KEYS 1 the lease; ARGV 2 holder, 3 lease_for.
local lease = redis.call('HMGET', KEYS[1], 'h', 'u')
local until_now = tonumber(lease[2] or 0)
if lease[1] ~= ARGV[2] then
  if until_now > now then return { 'taken', until_now } end
  redis.call('HINCRBY', KEYS[1], 'f', 1)
end
redis.call('HSET', KEYS[1], 'h', ARGV[2], 'u', now + tonumber(ARGV[3]))
return { 'yours', redis.call('HGET', KEYS[1], 'f') }
