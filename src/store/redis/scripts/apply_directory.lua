#!lua
-- apply_directory: KEYS 1 what was applied of the directory; ARGV 2 the record, which begins with its
-- generation.
local stored = redis.call('GET', KEYS[1])
if stored == ARGV[2] then return { 'done' } end
local before = stored and struct.unpack('>I7', stored) or 0
if struct.unpack('>I7', ARGV[2]) ~= before + 1 then return { 'changed' } end
redis.call('SET', KEYS[1], ARGV[2])
return { 'done' }
