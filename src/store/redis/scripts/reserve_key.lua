#!lua
-- reserve_key: ARGV 2 id, 3 fingerprint, 4 token, 5 keep_for.
local row = key_row(KEYS[1])
if not row or row.expires <= now then
  local expires = math.min(now + tonumber(ARGV[5]), LATEST)
  save_key(KEYS[1], { id = ARGV[2], fingerprint = ARGV[3], token = ARGV[4], joined = false, expires = expires })
  redis.call('RPUSH', tag .. 'e', string.sub(KEYS[1], #tag + 2, #tag + 17) .. struct.pack('>I7', expires))
  return { 'yours', ARGV[2] }
end
if row.fingerprint ~= ARGV[3] then return { 'other_request' } end
if row.token == ARGV[4] then return { 'yours', row.id } end
-- C1: from now on the request that bound the key must not free it any more.
if not row.joined then
  row.joined = true
  save_key(KEYS[1], row)
end
return { 'joined', row.id }
