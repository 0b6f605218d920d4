#!lua flags=allow-oom
-- renew_lease: KEYS 1 the lease; ARGV 2 fence, 3 holder, 4 lease_for.
if not holds(ARGV[2], ARGV[3]) then return { 'stale' } end
redis.call('HSET', KEYS[1], 'u', now + tonumber(ARGV[4]))
return { 'yours' }
