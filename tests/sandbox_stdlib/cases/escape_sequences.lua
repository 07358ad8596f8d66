local escapes = require "escape_sequences"

matches(escapes.c, {{[[a\tb\n\\ \x41\101\e \q \u00e9]], "a\tb\n\\ AA\27 \\q \195\169"}, {"", ""}, {"\\", "\\"}})
matches(escapes.json, {{[[\"\/\u00e9\ud83d\ude00\n\ud83d]], '"/\195\169\240\159\152\128\n\239\191\189'}, {[[\x]], [[\x]]}})
matches(escapes.percent, {{"a%20b+c%zz%4", "a b+c%zz%4"}})
matches(escapes.url, {{"a%20b+c", "a b c"}})
matches(escapes.html, {{"&lt;a&gt; &amp;amp; &#65;&#x42; &unknown; &", "<a> &amp; AB &unknown; &"}})

case("escaping", function()
  same(escapes.escape_html [[<a href="x">&'</a>]], "&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;")
  same(escapes.escape_json 'a"\\\n\1', 'a\\"\\\\\\n\\u0001')
  same(escapes.escape_url "a b/\195\169~", "a%20b%2F%C3%A9~")
  local every = {}
  for i = 0, 255 do every[#every + 1] = string.char(i) end
  every = table.concat(every)
  same(escapes.decode_url(escapes.escape_url(every)), every)
  same(escapes.decode_json(escapes.escape_json(every)), every)
  same(escapes.decode_html(escapes.escape_html(every)), every)
end)

case("characters", function()
  same({escapes.utf8(0x24), escapes.utf8(0xA2), escapes.utf8(0x20AC), escapes.utf8(0x10348)},
    {"$", "\194\162", "\226\130\172", "\240\144\141\136"})
  same({escapes.hex_to_char "41", escapes.octal_to_char "101", escapes.hex_to_utf8 "20AC"}, {"A", "A", "\226\130\172"})
end)
