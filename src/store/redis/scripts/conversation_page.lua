#!lua flags=no-writes
-- conversation_page: KEYS 1 the conversation, 2 the queue; ARGV 2 after or '', 3 limit. Answers pairs of seq
-- and entry: the conversation tells the places, the queue what waits there.
local limit = tonumber(ARGV[3])
local above = ARGV[2] == '' and '-inf' or '(' .. ARGV[2]
local page = {}
while #page < 2 * limit do
  local found = redis.call('ZRANGEBYSCORE', KEYS[1], above, '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
  for place = 2, #found, 2 do
    local seq = found[place]
    local entry = redis.call('ZRANGEBYSCORE', KEYS[2], seq, seq)[1]
    if entry and #page < 2 * limit then
      table.insert(page, seq)
      table.insert(page, entry)
    end
    above = '(' .. seq
  end
  if #found < 2 * limit then break end
end
return page
