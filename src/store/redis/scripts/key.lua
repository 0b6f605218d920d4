-- Put in front of the scripts of idempotency keys, behind the prelude: the form of a key's record.

local KEY_VERSION, KEY_FORM, KEY_LENGTH = 1, '>BBc16c16c32I7', 73

-- The record of a key, or nil.
local function key_row(key)
  local bytes = redis.call('GET', key)
  if not bytes then return nil end
  if #bytes ~= KEY_LENGTH or string.byte(bytes) ~= KEY_VERSION then
    corrupt("an idempotency key's record has another form")
  end
  local _, joined, id, token, fingerprint, expires = struct.unpack(KEY_FORM, bytes)
  return { joined = joined == 1, id = id, token = token, fingerprint = fingerprint, expires = expires }
end

local function save_key(key, row)
  local joined = row.joined and 1 or 0
  redis.call('SET', key, struct.pack(KEY_FORM, KEY_VERSION, joined, row.id, row.token, row.fingerprint, row.expires))
end
