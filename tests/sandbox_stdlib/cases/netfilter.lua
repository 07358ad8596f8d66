-- What it captures is in the table of syslog_message; here is what it does not take.
local grammar = require "netfilter".grammar

case("other lines", function()
  for _, line in ipairs {"", "IN=eth0 OUT=", "x IN=a OUT=b SRC=1.2.3 DST=1.2.3.4 LEN=1", "[1.0] usb 1-1: new device"} do
    same(grammar:match(line), nil)
  end
end)

case("unknown keys are skipped, fragments are not", function()
  local fields = grammar:match "IN=a OUT=b SRC=1.2.3.4 DST=1.2.3.5 LEN=1 NEW=5 FRAG:64 MF PROTO=47 MARK=0x1 \n"
  same({fields.nf_len, fields.nf_frag, fields.nf_mf, fields.nf_protocol, fields.nf_mark, fields.NEW}, {1, 64, true, "47", "0x1", nil})
end)
