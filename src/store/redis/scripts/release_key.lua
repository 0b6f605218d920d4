#!lua flags=allow-oom
-- release_key: ARGV 2 id, 3 token.
local row = key_row(KEYS[1])
if row and row.id == ARGV[2] and row.token == ARGV[3] and not row.joined then redis.call('DEL', KEYS[1]) end
return { 'done' }
