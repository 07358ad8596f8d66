"""What the pipelines must make of records, worked out anew in plain Python."""

import calendar
import re
from random import Random

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
ACCESS = re.compile(
    rb'^(?P<remote_addr>\S+) - (?P<remote_user>.+?) \[(?P<time>[^\]]+)\] "(?P<request>.*?)" '
    rb'(?P<status>\d{3}) (?P<body_bytes_sent>\d+) "(?P<http_referer>.*?)" "(?P<http_user_agent>.*?)"$'
)
CLF = re.compile(r"(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$")


def access_lines(count, seed=1):
    """Lines of an nginx access log, with the oddities that real ones have."""
    random = Random(seed)
    lines = []
    for number in range(count):
        status = random.choice([200] * 12 + [304, 404, 500, 502, 503])
        zone = random.choice(["+0000", "+0000", "+0200", "-0930"])
        method, uri = random.choice(["GET", "POST", "HEAD"]), f"/p/{number}?q={random.random():.6f}"
        request = f"{method} {uri} HTTP/1.{random.randint(0, 1)}"
        if random.random() < 0.02:
            request = random.choice([r"\x16\x03\x01", "", "GET /old", r"GET /q=\x22x\x22 HTTP/1.1"])
        agent = random.choice(["curl/8.0", "Mozilla/5.0 (X11; Linux)", "-", "größe/1 \\x22q\\x22", "tab\\there"])
        second = number // 7
        stamp = (
            f"{1 + second // 86400:02d}/May/2024:{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        )
        user = random.choice(["-", "-", "alice", "o.brien"])
        address = random.choice(["10.1.2.3", "2001:db8::7", f"192.0.2.{number % 250}"])
        sent = f'{status} {random.randint(0, 10**6)} "-" "{agent}"'
        lines.append(f'{address} - {user} [{stamp} {zone}] "{request}" {sent}'.encode())
    return lines


def clf_time(text):
    """Seconds since 1970 of a time as in access logs."""
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = CLF.match(text).groups()
    moment = calendar.timegm((int(year), MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second)))
    offset = 3600 * int(zone_hours) + 60 * int(zone_minutes)
    return moment - offset if sign == "+" else moment + offset


def rfc3339(seconds, nanoseconds=0):
    """A time in UTC as the JSON encoder writes it."""
    days, rest = divmod(seconds, 86400)
    year, month, day = _civil(days)
    text = f"{year:04d}-{month:02d}-{day:02d}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    if not nanoseconds:
        return text + "Z"
    digits = f"{nanoseconds:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{text}.{digits}Z"


def _civil(days):
    days += 719468
    era, of_era = divmod(days, 146097)
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return year + era * 400 + (month <= 2), month, day


def access(line):
    """The members of J1 for one line, in their order; None if it is no access log line."""
    found = ACCESS.match(line)
    if found is None:
        return None
    text = {name: value.decode() for name, value in found.groupdict().items()}
    request = text["request"].split(" ")
    member = {"remote_addr": text["remote_addr"], "remote_user": text["remote_user"]}
    member["time"] = rfc3339(clf_time(text["time"]))
    if len(request) == 3 and request[2].startswith("HTTP/"):
        member |= dict(zip(("request_method", "request_uri", "server_protocol"), request, strict=True))
    else:
        member["request"] = text["request"]
    member["status"], member["body_bytes_sent"] = int(text["status"]), int(text["body_bytes_sent"])
    return member | {"http_referer": text["http_referer"], "http_user_agent": text["http_user_agent"]}
