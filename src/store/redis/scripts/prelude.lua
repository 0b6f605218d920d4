-- Put in front of every script: the store's clock, the hash tag, the fence check.
--
-- ARGV[1] is the store's now, or '' for the server's own clock. KEYS[1] is a key of the step's hash
-- tag, which all other keys of the step share. Instants and durations are whole microseconds: a
-- number here is a double, exact up to 2^53.

local LATEST = 9007199254740991
local tag = string.match(KEYS[1], '^{.-}')

-- While a slot of a Cluster is moved key by key, some keys of the step may be gone to the other node already,
-- and would be taken for none. Only then a key that never is cannot be asked for; so nothing is begun.
if type(redis.pcall('EXISTS', tag .. '-')) == 'table' then
  return redis.error_reply('TRYAGAIN the slot is being moved')
end

local function clock()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local now = clock()

local function number_or_false(text)
  return text ~= '' and tonumber(text)
end

local function corrupt(what)
  error({ err = 'CORRUPT ' .. what })
end

-- The fence check: equality of both.
local function holds(fence, holder)
  local lease = redis.call('HMGET', tag .. 'l', 'f', 'h')
  return lease[1] == fence and lease[2] == holder
end
