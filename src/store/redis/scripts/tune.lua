#!lua flags=allow-oom
-- tune: KEYS 1 what was set of the shard's senders; ARGV 2 the sender, 3 its record, which begins with its
-- generation.
local stored = redis.call('HGET', KEYS[1], ARGV[2])
if stored == ARGV[3] then return { 'done' } end
local before = stored and struct.unpack('>I7', stored) or 0
local generation = struct.unpack('>I7', ARGV[3])
if generation ~= before + 1 then return { 'changed' } end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('HINCRBY', KEYS[1], 'g', 1)
return { 'done' }
