local elb = require "elb"

local function s(value) return {value = value, representation = "s"} end
local function b(value) return {value = value, representation = "B"} end

matches(elb.classic, {
  {'2015-05-13T23:39:43.945958Z my-loadbalancer 192.168.131.39:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0" - -',
    {Timestamp = 1431560383945958000, elb = "my-loadbalancer", client_addr = "192.168.131.39", client_port = 2817,
      backend_addr = "10.0.0.1", backend_port = 80, request_processing_time = s(0.000073),
      backend_processing_time = s(0.001048), response_processing_time = s(0.000057), elb_status = 200,
      backend_status = 200, received_bytes = b(0), sent_bytes = b(29), request_method = "GET",
      request_uri = "http://www.example.com:80/", server_protocol = "HTTP/1.1", user_agent = "curl/7.38.0"}},
  {'2015-05-13T23:39:43Z lb 192.168.131.39:2817 - -1 -1 -1 503 0 0 0 "- - - " "-" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2',
    {Timestamp = 1431560383000000000, elb = "lb", client_addr = "192.168.131.39", client_port = 2817, elb_status = 503,
      backend_status = 0, received_bytes = b(0), sent_bytes = b(0), request_method = "-", request_uri = "-",
      server_protocol = "- ", ssl_cipher = "ECDHE-RSA-AES128-GCM-SHA256", ssl_protocol = "TLSv1.2"}},
  {"x", nil},
}, elb.classic_items())

matches(elb.alb, {
  {'h2 2018-07-02T22:23:00Z app/lb/50dc 10.0.1.252:48160 10.0.0.66:9000 0.000 0.002 0.000 200 200 5 257 "GET https://10.0.2.105:773/ HTTP/2.0" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:tg/my "Root=1-58337327-72bd00b0343d75b906739c42" "-" "-" 1 2018-07-02T22:22:48.364000Z "redirect" "https://example.com:80/" "-" "10.0.0.66:9000" "200" "-" "-"',
    {type = "h2", Timestamp = 1530570180000000000, elb = "app/lb/50dc", client_addr = "10.0.1.252", client_port = 48160,
      backend_addr = "10.0.0.66", backend_port = 9000, request_processing_time = s(0), backend_processing_time = s(0.002),
      response_processing_time = s(0), elb_status = 200, backend_status = 200, received_bytes = b(5), sent_bytes = b(257),
      request_method = "GET", request_uri = "https://10.0.2.105:773/", server_protocol = "HTTP/2.0",
      user_agent = "curl/7.46.0", ssl_cipher = "ECDHE-RSA-AES128-GCM-SHA256", ssl_protocol = "TLSv1.2",
      target_group_arn = "arn:aws:tg/my", trace_id = "Root=1-58337327-72bd00b0343d75b906739c42",
      matched_rule_priority = 1, request_creation_time = "2018-07-02T22:22:48.364000Z", actions_executed = "redirect",
      redirect_url = "https://example.com:80/", rest = '"10.0.0.66:9000" "200" "-" "-"'}},
}, elb.alb_items())
