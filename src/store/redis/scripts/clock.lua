-- Put in front of every script: the store's clock.
--
-- ARGV[1] is the store's now, or '' for the server's own clock. Instants and durations are whole
-- microseconds: a number here is a double, exact up to 2^53.

local LATEST = 9007199254740991

local function clock()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local now = clock()
