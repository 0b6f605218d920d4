#!lua flags=no-writes
-- lookup_key.
local row = key_row(KEYS[1])
if not row or row.expires <= now then return { 'none' } end
return { 'bound', row.id, row.fingerprint }
