#!lua
-- forward_immediate: ARGV 2 not_after, from 3 on the draft.
local there = redis.call('GET', KEYS[1])
if there then return { 'exists', there } end
local not_after = tonumber(ARGV[2])
if now > not_after then return { 'late' } end

local m = fresh(3, next_seq(ARGV[3]), 0, now)
offer(m, not_after)
return { 'stored', store(string.sub(KEYS[1], #tag + 2), NOWHERE, m) }
