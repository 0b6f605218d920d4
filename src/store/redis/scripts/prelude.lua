-- Put in front of the scripts whose keys all share one hash tag, behind the clock: the tag, the fence check.
--
-- KEYS[1] is a key of the step's hash tag, which all other keys of the step share.

local tag = string.match(KEYS[1], '^{.-}')

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
