#!lua flags=allow-oom
-- The store's own mark: KEYS 1 it; ARGV 2 format, 3 shards. Written where there is none; answers what it says.
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('HSET', KEYS[1], 'format', ARGV[2], 'shards', ARGV[3]) end
return redis.call('HMGET', KEYS[1], 'format', 'shards')
