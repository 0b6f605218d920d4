#!lua
-- append: ARGV 2 request_until, 3 depth_limit, 4 and 5 the estimate's from and per_unit, from 6 on the draft.
local there = redis.call('GET', KEYS[1])
if there then return { 'exists', there } end
if now > tonumber(ARGV[2]) then return { 'late' } end

local sender = ARGV[6]
local depth = tonumber(redis.call('HGET', tag .. 'w', sender) or 0)
if depth >= tonumber(ARGV[3]) then return { 'full' } end

local units = tonumber(redis.call('HGET', tag .. 's' .. sender, 'u') or 0)
local estimate = math.min(math.ceil(tonumber(ARGV[4]) + tonumber(ARGV[5]) * units), LATEST)
local m = fresh(6, next_seq(sender), depth + 1, estimate)
store(string.sub(KEYS[1], #tag + 2), NOWHERE, m)
return { 'stored', now, m.seq, m.position, estimate }
