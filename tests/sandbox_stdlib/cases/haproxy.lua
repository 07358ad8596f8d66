local haproxy = require "haproxy"

local function ms(value) return {value = value, representation = "ms"} end
local function bytes(value) return {value = value, representation = "B"} end

matches(haproxy.grammar, {
  {'10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} "GET /index.html HTTP/1.1"',
    {client_addr = "10.0.1.2", client_port = 33317, Timestamp = 1233922454655000000, frontend_name = "http-in",
      backend_name = "static", server_name = "srv1", request_time = ms(10), queue_time = ms(0), connect_time = ms(30),
      response_time = ms(69), total_time = ms(109), status = 200, body_bytes_sent = bytes(2750),
      termination_state = "----", connections_active = 1, connections_frontend = 1, connections_backend = 1,
      connections_server = 1, retries = 0, queue_server = 0, queue_backend = 0, captured_request_headers = "1wt.eu",
      captured_response_headers = "", request_method = "GET", request_uri = "/index.html", server_protocol = "HTTP/1.1"}},
  {'2001:db8::1:555 [06/Feb/2009:12:14:14.000] in~ in/<NOSRV> -1/-1/-1/-1/+50001 408 +212 - id=1 cR-- 2/2/2/0/+3 0/0 "<BADREQ>"',
    {client_addr = "2001:db8::1", client_port = 555, Timestamp = 1233922454000000000, frontend_name = "in~",
      backend_name = "in", server_name = "<NOSRV>", request_time = ms(-1), queue_time = ms(-1), connect_time = ms(-1),
      response_time = ms(-1), total_time = ms(50001), status = 408, body_bytes_sent = bytes(212),
      captured_response_cookie = "id=1", termination_state = "cR--", connections_active = 2, connections_frontend = 2,
      connections_backend = 2, connections_server = 0, retries = 3, queue_server = 0, queue_backend = 0,
      request = "<BADREQ>"}},
  {'10.0.1.2:33313 [06/Feb/2009:12:12:51.443] fnt bck/srv1 0/0/5007 212 -- 0/0/0/0/3 0/0\n',
    {client_addr = "10.0.1.2", client_port = 33313, Timestamp = 1233922371443000000, frontend_name = "fnt",
      backend_name = "bck", server_name = "srv1", queue_time = ms(0), connect_time = ms(0), total_time = ms(5007),
      body_bytes_sent = bytes(212), termination_state = "--", connections_active = 0, connections_frontend = 0,
      connections_backend = 0, connections_server = 0, retries = 3, queue_server = 0, queue_backend = 0}},
  {'127.0.0.1:34549 [06/Feb/2009:12:15:42.000] frt/f1: Connection error during SSL handshake',
    {client_addr = "127.0.0.1", client_port = 34549, Timestamp = 1233922542000000000, frontend_name = "frt",
      bind_name = "f1", message = "Connection error during SSL handshake"}},
  {"something else", nil},
}, haproxy.items())
