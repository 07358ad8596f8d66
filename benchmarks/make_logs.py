r"""Generates synthetic nginx access logs in the combined format. The same count always gives the same bytes.

    python -m benchmarks.make_logs COUNT > access.log

The logs show a day of a shop: addresses in a Zipf distribution, static files, products, searches, an API, and
vulnerability scanners. Some lines are difficult for parsers: IPv6, quotes escaped as \x22, TLS bytes on a plain port.
"""

import bisect
import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from random import Random
from typing import Generic, NamedTuple, TypeVar

SEED = 20240501
START_S = 1714521600  # 2024-05-01T00:00:00Z
DAY_S = 86400.0
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ADDRESSES = 20000
LINES_AT_ONCE = 20000

MOZILLA = "Mozilla/5.0 "
WINDOWS = MOZILLA + "(Windows NT 10.0; Win64; x64) "
MACINTOSH = MOZILLA + "(Macintosh; Intel Mac OS X 10_15_7) "
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko) "
APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko) "
AGENTS: list[tuple[str, float]] = [
    (WINDOWS + WEBKIT + "Chrome/124.0.0.0 Safari/537.36", 22),
    (MACINTOSH + WEBKIT + "Chrome/124.0.0.0 Safari/537.36", 9),
    (MOZILLA + "(Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0", 7),
    (MOZILLA + "(X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0", 3),
    (
        MOZILLA + "(iPhone; CPU iPhone OS 17_4_1 like Mac OS X) " + APPLE + "Version/17.4.1 Mobile/15E148 Safari/604.1",
        14,
    ),
    (MOZILLA + "(Linux; Android 10; K) " + WEBKIT + "Chrome/124.0.0.0 Mobile Safari/537.36", 14),
    (MACINTOSH + APPLE + "Version/17.4 Safari/605.1.15", 6),
    (WINDOWS + WEBKIT + "Chrome/123.0.0.0 Safari/537.36 Edg/123.0.0.0", 5),
    (MOZILLA + "(compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 4),
    (MOZILLA + "(compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", 3),
    (MOZILLA + "(compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", 2),
    ("curl/7.88.1", 2),
    ("python-requests/2.31.0", 2),
    ("Go-http-client/2.0", 2),
    ("kube-probe/1.28", 3),
    ("okhttp/4.12.0", 2),
    ("-", 2),
    (
        MOZILLA
        + "(Linux; Android 14; SM-S918B) "
        + WEBKIT
        + "SamsungBrowser/24.0 Chrome/117.0.0.0 Mobile Safari/537.36",
        3,
    ),
]
REFERERS: list[tuple[str, float]] = [
    ("-", 38),
    ("https://www.example.com/", 14),
    ("https://www.google.com/", 12),
    ("https://www.example.com/search?q=widgets&page=2", 6),
    ("https://www.example.com/products/list", 8),
    ("https://t.co/x7Yk2", 2),
    ("https://news.ycombinator.com/item?id=40212345", 1),
    ("https://www.bing.com/search?q=blue+widget&form=QBLH", 3),
    ("https://www.example.com/cart", 5),
    ("android-app://com.google.android.gm/", 1),
]
_WORDS = (
    "alpha bravo widget gadget blue green steel copper lamp chair table phone cable adapter router switch garden "
    "kitchen winter summer running leather cotton wireless mini pro max ultra light heavy classic modern vintage "
    "portable digital analog smart solar hybrid"
)
WORDS = _WORDS.split()
FILES = [
    "/static/css/main.%08x.css",
    "/static/js/app.%08x.js",
    "/static/js/vendor.%08x.js",
    "/images/products/%d_large.jpg",
    "/images/products/%d_thumb.webp",
    "/fonts/inter-%d.woff2",
    "/favicon.ico",
    "/robots.txt",
]
HOLES = [
    "/wp-login.php",
    "/.env",
    "/xmlrpc.php",
    "/admin/config.php",
    "/phpmyadmin/index.php",
    "/.git/config",
    "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
    "/old/page-%d.html",
]
TLS_REQUEST = r"\x16\x03\x01\x02\x00\x01\x00"

T = TypeVar("T")


class Pick(Generic[T]):
    """A weighted choice that uses one random number."""

    def __init__(self, rnd: Random, pairs: Sequence[tuple[T, float]]) -> None:
        self._random = rnd.random
        self._items = [item for item, _ in pairs]
        self._bounds = list(itertools.accumulate(weight for _, weight in pairs))
        self._total = self._bounds[-1]

    def __call__(self) -> T:
        return self._items[bisect.bisect(self._bounds, self._random() * self._total)]


def zipf(rnd: Random, items: Sequence[T], exponent: float) -> Pick[T]:
    return Pick(rnd, [(item, 1.0 / rank**exponent) for rank, item in enumerate(items, 1)])


def ipv4(rnd: Random) -> str:
    while True:
        bits = rnd.getrandbits(32)
        first = bits >> 24
        if first not in {0, 10, 127} and first < 224:
            return f"{first}.{bits >> 16 & 255}.{bits >> 8 & 255}.{bits & 255}"


def ipv6(rnd: Random) -> str:
    return f"2001:db8:{rnd.getrandbits(16):x}:{rnd.getrandbits(16):x}::{rnd.getrandbits(16) | 1:x}"


class Request(NamedTuple):
    method: str
    path: str
    status: int
    size: int


class Shop:
    """Generates requests of all kinds."""

    def __init__(self, rnd: Random) -> None:
        self._rnd = rnd
        self._random = rnd.random
        self._word = zipf(rnd, WORDS, 0.6)
        self._makers = {
            "static": self._static,
            "product": self._product,
            "search": self._search,
            "api": self._api,
            "home": self._home,
            "redirect": self._redirect,
            "hole": self._hole,
            "quote": self._quote,
        }

    def request(self, kind: str, status: int) -> Request:
        request = self._makers[kind](status)
        if request.status in {204, 304}:
            return request._replace(size=0)
        return request._replace(size=497) if request.status >= 500 else request

    def _below(self, limit: int) -> int:
        return int(self._random() * limit)

    def _static(self, status: int) -> Request:
        path = FILES[self._below(len(FILES))]
        if "%08x" in path:
            path %= 0x1A2B3C00 + self._below(40)
        elif "%d" in path:
            path %= self._below(50000)
        return Request("GET", path, status, int(400 + self._random() * self._random() * 180000))

    def _product(self, status: int) -> Request:
        path = f"/products/{self._word()}-{self._word()}-{self._below(50000)}"
        if self._random() < 0.4:
            path += f"?utm_source={self._word()}&utm_medium=cpc&utm_campaign={self._word()}_{self._word()}"
        return Request("GET", path, status, int(5000 + self._random() * 60000))

    def _search(self, status: int) -> Request:
        words = f"{self._word()}+{self._word()}"
        page, order = 1 + self._below(9), ("price", "rating", "new")[self._below(3)]
        path = f"/search?q={words}&page={page}&sort={order}&session={self._rnd.getrandbits(64):016x}"
        return Request("GET", path, status, int(8000 + self._random() * 40000))

    def _api(self, status: int) -> Request:
        action = self._random()
        method = "GET"
        if action < 0.65:
            path = f"/api/v2/{self._word()}s/{self._below(90000)}?fields=id,name,price&lang=en-"
            path += ("US", "GB", "CA")[self._below(3)]
        elif action < 0.9:
            method, path, status = "POST", "/api/v2/events", 201 if status == 200 else status
        elif action < 0.97:
            method, path = "PUT", f"/api/v2/carts/{self._rnd.getrandbits(32):08x}"
        else:
            method, path = "DELETE", f"/api/v2/carts/{self._rnd.getrandbits(32):08x}/items/{self._below(9)}"
            status = 204 if status == 200 else status
        return Request(method, path, status, int(60 + self._random() * 4000))

    def _home(self, status: int) -> Request:
        size = int(12000 + self._random() * 3000)
        return Request("HEAD", "/", status, 0) if self._random() < 0.15 else Request("GET", "/", status, size)

    def _redirect(self, _status: int) -> Request:
        return Request("GET", f"/go/{self._below(9000)}", 301, 169)

    def _hole(self, _status: int) -> Request:
        path = HOLES[self._below(len(HOLES))]
        if "%d" in path:
            path %= self._below(900)
        return Request("GET", path, 404 if self._random() < 0.9 else 403, 146)

    def _quote(self, _status: int) -> Request:
        path = rf"/search?q=\x22{self._word()}\x22"
        return Request("GET", path, 200, int(9000 + self._random() * 9000))


def stamps(rnd: Random, count: int) -> Iterator[str]:
    """Yield times of a day in order, evenly spread with some jitter."""
    step_s = DAY_S / count
    last_s, text = -1, ""
    for number in range(count):
        second = START_S + int((number + rnd.random()) * step_s)
        if second != last_s:
            t = time.gmtime(second)
            text = f"{t.tm_mday:02}/{MONTHS[t.tm_mon - 1]}/{t.tm_year}:{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} +0000"
            last_s = second
        yield text


def access_lines(count: int) -> Iterator[str]:
    """Yield lines of an access log."""
    rnd = Random(SEED)
    address = zipf(rnd, [ipv6(rnd) if i % 29 == 28 else ipv4(rnd) for i in range(ADDRESSES)], 0.8)
    agent, referer = Pick(rnd, AGENTS), Pick(rnd, REFERERS)
    user = Pick(rnd, [("-", 970), ("alice", 8), ("bob", 6), ("svc-deploy", 10), ("o.brien", 6)])
    protocol = Pick(rnd, [("HTTP/1.1", 55), ("HTTP/2.0", 44), ("HTTP/1.0", 1)])
    kinds = [("static", 30), ("product", 25), ("search", 14), ("api", 20), ("home", 7)]
    kind = Pick(rnd, [*kinds, ("hole", 3.5), ("tls", 0.1), ("quote", 0.2), ("redirect", 1.2)])
    succeeded = [(200, 900), (206, 6), (304, 55), (301, 8), (302, 14)]
    status = Pick(rnd, [*succeeded, (403, 4), (404, 6), (499, 4), (500, 7), (502, 5), (503, 4), (504, 2)])
    shop = Shop(rnd)
    for stamp in stamps(rnd, count):
        kind_, result = kind(), status()
        if kind_ == "tls":
            yield f'{address()} - - [{stamp}] "{TLS_REQUEST}" 400 150 "-" "-"\n'
            continue
        r = shop.request(kind_, result)
        yield (
            f'{address()} - {user()} [{stamp}] "{r.method} {r.path} {protocol()}" {r.status} {r.size} '
            f'"{referer()}" "{agent()}"\n'
        )


def main() -> None:
    if len(sys.argv) != 2 or not sys.argv[1].isdecimal():
        sys.exit(__doc__)
    lines = access_lines(int(sys.argv[1]))
    while some := "".join(itertools.islice(lines, LINES_AT_ONCE)):
        sys.stdout.write(some)


if __name__ == "__main__":
    main()
