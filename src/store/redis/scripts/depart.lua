#!lua flags=allow-oom
-- depart: KEYS 1 who is there; ARGV 2 who is there no more.
redis.call('HDEL', KEYS[1], ARGV[2])
return { 'done' }
