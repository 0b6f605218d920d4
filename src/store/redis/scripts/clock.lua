-- Put in front of every script: the store's clock, and the check that no slot is being moved.
--
-- KEYS[1] has the step's hash tag.
-- ARGV[1] is the store's now, or '' for the server's own clock. Instants and durations are whole
-- microseconds: a number here is a double, exact up to 2^53.

local LATEST = 9007199254740991

-- While a slot of a Cluster is moved key by key, some keys of the step may be gone to the other node already,
-- and would be taken for none. Only then a key that never is cannot be asked for; so nothing is begun.
if type(redis.pcall('EXISTS', string.match(KEYS[1], '^{.-}') .. '-')) == 'table' then
  return redis.error_reply('TRYAGAIN the slot is being moved')
end

local function clock()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local now = clock()
