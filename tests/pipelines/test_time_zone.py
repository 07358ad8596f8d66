"""Times of day in a script are UTC, whatever the host's time zone is, and no function of the C library fails."""

import pytest

FORMATS = "aAbBcdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%"
CODE = f"""
function process_message()
  local parts = {{year = 2024, month = 7, day = 1, hour = 12, min = 30, sec = 5}}
  local summer = os.time(parts)
  parts.isdst = true
  os.time(parts)
  os.time {{year = 2024, month = 1, day = 1}}
  local formats = "{FORMATS}"
  for i = 1, #formats do
    local format = "%" .. formats:sub(i, i)
    os.date(format, 0); os.date("!" .. format, summer); os.date(format)
  end
  pcall(os.date, "%Ec %OH %+ %k %l %s %P", summer)
  pcall(os.date, "*t", 2 ^ 60)
  pcall(os.time, {{year = 1e9, month = 1, day = 1}})
  os.difftime(os.time(), summer); os.clock()
  local utc = os.date("!*t", summer)
  inject_message {{Payload = table.concat({{summer, os.date("%Y-%m-%dT%H:%M:%S %z", summer), os.date("*t", summer).hour,
    utc.hour,
    string.format("%g %.14g %e %5.1f", 0.1, 1 / 3, 1e300, 2.25), tostring(2 ^ 53), tonumber("1e3"),
    ("\\228"):upper():byte(), tostring(("a" < "B")), os.date("%c", 0), os.date("!%x %X", 0)}}, "|")}}
  return 0
end
"""
EXPECTED = (
    b"1719837005|2024-07-01T12:30:05 +0000|12|12|0.1 0.33333333333333 1.000000e+300   2.2|9.007199254741e+15|"
    b"1000|228|false|Thu Jan  1 00:00:00 1970|01/01/70 00:00:00"
)


def zones():
    unset = {}
    return {
        "unset": unset,
        "empty": {"TZ": ""},
        "New York": {"TZ": "America/New_York"},
        "a file": {"TZ": ":/etc/localtime"},
        "no such file": {"TZ": ":/no/such/zone"},
        "no time zones at all": {"TZ": "Europe/Berlin", "TZDIR": "/no/such/folder"},
        "a rule": {"TZ": "CET-1CEST,M3.5.0,M10.5.0/3", "LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8"},
    }


@pytest.mark.parametrize("name", zones())
def test_times_are_utc_in_every_time_zone(bench, name):
    bench.plugin("filter", "times", CODE, header="message_matcher: 'TRUE'\n")
    config = {
        "inputs": {"lines": {"type": "file", "path": bench.write("in.log", [b"x"])}},
        "filters": {"times": {"message_matcher": "Logger == 'lines'"}},
        "outputs": {
            "out": {
                "type": "file", "path": bench.path("out.txt"), "encoder": "payload",
                "message_matcher": "Logger == 'times'",
            },
        },
    }  # fmt: skip

    host = bench.once(config, env=zones()[name])

    assert bench.read("out.txt").strip() == EXPECTED, host.log
