-- What it captures is in the table of syslog_message; here is what it does not take.
local netfilter = require "netfilter"
local grammar = netfilter.grammar

case("other lines", function()
  for _, line in ipairs {"", "IN=eth0 OUT=", "x IN=a OUT=b SRC=1.2.3 DST=1.2.3.4 LEN=1", "[1.0] usb 1-1: new device"} do
    same(grammar:match(line), nil)
  end
end)

case("unknown keys are skipped, fragments are not", function()
  local fields = grammar:match "IN=a OUT=b SRC=1.2.3.4 DST=1.2.3.5 LEN=1 NEW=5 FRAG:64 MF PROTO=47 MARK=0x1 \n"
  same({fields.nf_len, fields.nf_frag, fields.nf_mf, fields.nf_protocol, fields.nf_mark, fields.NEW}, {1, 64, true, "47", "0x1", nil})
end)

local HEAD = "[ 11.2] [UFW BLOCK] IN=eth0 OUT= MAC=00:16:3e:aa:bb:cc:00:16:3e:00:11:22:08:00 SRC=10.0.0.1 DST=10.0.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=5"
both_forms(netfilter.items(), grammar, {
  HEAD .. " DF PROTO=TCP SPT=40000 DPT=22 SEQ=1 ACK=0 WINDOW=29200 RES=0x00 ACK SYN URGP=0 OPT (0204) UID=0 GID=0 MARK=0x1 ",
  HEAD .. " MF FRAG:64 PROTO=UDP SPT=40000 DPT=22 LEN=8", HEAD .. " PROTO=ICMP TYPE=8 CODE=0 ID=7 SEQ=9 ", HEAD .. " PROTO=47",
  "drop IN=eth0 OUT=b MAC=00:16:3e SRC=fe80::1 DST=ff02::2 LEN=72 TC=0 HOPLIMIT=255 FLOWLBL=0 PROTO=ICMPv6 TYPE=128 CODE=0 ID=7 SEQ=9",
  "IN= OUT= SRC=::1 DST=::2 LEN=72 TC=0 HOPLIMIT=255 FLOWLBL=0 PROTO=TCP SPT=1 DPT=2 WINDOW=1 RES=0x00 RST FIN URGP=0", "x",
  "IN=eth0 OUT=", "x IN=a OUT=b SRC=1.2.3 DST=1.2.3.4 LEN=1 PROTO=TCP",
})
