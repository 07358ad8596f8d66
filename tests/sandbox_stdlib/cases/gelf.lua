local gelf = require "gelf"

case("to a message", function()
  same(gelf.to_message{version = "1.1", host = "web", short_message = "hi", full_message = "hi there", level = 3,
    timestamp = 1714564800.5, _user = "bob", _id = "x", _n = 7, _list = {1}, other = "y"},
    {Hostname = "web", Payload = "hi", EnvVersion = "1.1", Severity = 3, Timestamp = 1714564800.5e9,
      Fields = {full_message = "hi there", user = "bob", n = 7}})
  same(gelf.to_message{version = "1.1", host = "web", short_message = "hi"}.Severity, 1)
  same({gelf.to_message{version = "1.1", host = "web"}}, {nil, "short_message is missing"})
  same({gelf.to_message "x"}, {nil, "not an object"})
end)

case("from a message", function()
  same(gelf.from_message{Hostname = "web", Payload = "", Severity = 6, Timestamp = 1714564800.5e9, Type = "t", Pid = 7,
    Fields = {["a b"] = 1, id = "i", ok = true, list = {1, 2}, size = {value = 5, representation = "B"},
      {name = "named", value = {"x"}}, file = "f.c"}},
    {version = "1.1", host = "web", short_message = "-", level = 6, timestamp = 1714564800.5, _type = "t", _pid = 7,
      _a_b = 1, __id = "i", _ok = "true", _list = "1,2", _size = 5, _named = "x", file = "f.c"})
end)
