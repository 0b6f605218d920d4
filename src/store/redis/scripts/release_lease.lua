#!lua flags=allow-oom
-- release_lease: KEYS 1 the lease; ARGV 2 fence, 3 holder.
if holds(ARGV[2], ARGV[3]) then redis.call('HSET', KEYS[1], 'u', 0) end
return { 'done' }
