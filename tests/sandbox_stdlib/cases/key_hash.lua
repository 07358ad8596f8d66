local key_hash = require "key_hash"

case("two words, the same for the same key", function()
  local first, second = key_hash.pair "key"
  same({key_hash.pair "key"}, {first, second})
  assert(first ~= second)
  local seen = {}
  for _, key in ipairs {"key", "kez", "", "1", 1, -1, 0.5, 2 ^ 60, 1 / 0} do
    local name = table.concat({key_hash.pair(key)}, " ")
    assert(not seen[name], tostring(key))
    seen[name] = true
  end
end)

case("what is no key", function()
  fails("string or a number", key_hash.pair, true)
  fails("string or a number", key_hash.pair)
end)
