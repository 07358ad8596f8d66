local w3c = require "w3c"

matches(w3c.iis, {
  {"2024-05-01 12:00:00 10.0.0.5 GET /a.aspx id=7 443 - 192.0.2.1 Mozilla/5.0+(X11) - 200 0 0 15\r",
    {Timestamp = 1714564800000000000, s_ip = "10.0.0.5", cs_method = "GET", cs_uri_stem = "/a.aspx", cs_uri_query = "id=7",
      s_port = 443, c_ip = "192.0.2.1", cs_User_Agent = "Mozilla/5.0+(X11)", sc_status = 200, sc_substatus = 0,
      sc_win32_status = 0, time_taken = {value = 15, representation = "ms"}}},
  {"2024-05-01 12:00:00 10.0.0.5 GET", nil},
}, w3c.items "iis")

matches(w3c.build_grammar "#Fields: time cs-method cs-bytes x-what", {
  {"12:00:00 - 17 -x\n", {time = "12:00:00", cs_bytes = {value = 17, representation = "B"}, x_what = "-x"}},
}, w3c.items "#Fields: time cs-method cs-bytes x-what")

matches(w3c.directive, {{"#Software: Microsoft IIS 10.0\r\n", {name = "Software", value = "Microsoft IIS 10.0"}}, {"a b", nil}})

case("cloudfront", function()
  local line = ("2019-12-04|21:02:31|LAX1|392|192.0.2.100|GET|d1.cloudfront.net|/index.html|200|-|Mozilla/5.0%20(W)|-|-|Hit|"
    .. "SOX4xwn4XV6Q4rgb7XiVGOHms==|d1.cloudfront.net|https|23|0.001|-|TLSv1.2|ECDHE|Hit|HTTP/2.0|-|-|11040|0.001|Hit|"
    .. "text/html|78|-|-"):gsub("|", "\t")
  local got = w3c.cloudfront:match(line)
  same({got.Timestamp, got.sc_bytes, got.cs_Host, got.time_taken, got.c_port, got.sc_content_len, got.cs_Referer},
    {1575493351000000000, {value = 392, representation = "B"}, "d1.cloudfront.net", {value = 0.001, representation = "s"},
      11040, {value = 78, representation = "B"}})
end)

case("no fields", function() fails("no fields", w3c.items, "#Fields:") end)
