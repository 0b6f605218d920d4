#!lua
-- reserve_key, of one key or several, whose tags may differ on a single server: ARGV 2 keep_for; for each of KEYS id,
-- fingerprint, token. Answers a list for each, in their order.
local expires = math.min(now + tonumber(ARGV[2]), LATEST)

local function reserve(key, id, fingerprint, token)
  local row = key_row(key)
  if not row or row.expires <= now then
    save_key(key, { id = id, fingerprint = fingerprint, token = token, joined = false, expires = expires })
    local own_tag = string.match(key, '^{.-}')
    redis.call('RPUSH', own_tag .. 'e', string.sub(key, #own_tag + 2, #own_tag + 17) .. struct.pack('>I7', expires))
    return { 'yours', id }
  end
  if row.fingerprint ~= fingerprint then return { 'other_request' } end
  if row.token == token then return { 'yours', row.id } end
  -- C1: from now on the request that bound the key must not free it any more.
  if not row.joined then
    row.joined = true
    save_key(key, row)
  end
  return { 'joined', row.id }
end

local answers = {}
for place, key in ipairs(KEYS) do
  local at = 3 + (place - 1) * 3
  answers[place] = reserve(key, ARGV[at], ARGV[at + 1], ARGV[at + 2])
end
return answers
