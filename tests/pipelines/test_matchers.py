"""Message matchers of outputs, each compared with the same question asked in Python."""

import json
import re
from random import Random

from tests.running import to_json

ROUTES = ["/", "/login", "/api/orders/1", "a 'quoted' \"name\"", "größe", ""]
MANY = range(-2, 3000, 3)
IDS = [2**53, 2**53 + 1, 2**53 + 2, 2**63 - 1, -(2**63), 7]
MATCHERS = {
    "Fields[status] >= 500": lambda r: r.get("status", -1) >= 500,
    "Fields[status] == 404": lambda r: r.get("status") == 404,
    "Fields[status] != 404": lambda r: "status" in r and r["status"] != 404,
    "Fields[status] < 300 || Fields[status] > 500": lambda r: (
        "status" in r and (r["status"] < 300 or r["status"] > 500)
    ),
    "Fields[status] in (200, 404)": lambda r: r.get("status") in {200, 404},
    "Fields[status] == NIL": lambda r: "status" not in r,
    "Fields[status] != NIL && Fields[ok] == TRUE": lambda r: "status" in r and r.get("ok") is True,
    "Fields[ok] == FALSE": lambda r: r.get("ok") is False,
    "Fields[route] == '/login'": lambda r: r.get("route") == "/login",
    'Fields[route] == "größe"': lambda r: r.get("route") == "größe",
    "Fields[route] =~ /^.api.orders/": lambda r: re.search("^.api.orders", r.get("route", "\n")) is not None,
    "Fields[route] !~ /o/": lambda r: "route" in r and "o" not in r["route"],
    "Fields[route] =~ /quoted' \"/": lambda r: "quoted' \"" in r.get("route", ""),
    "!(Fields[status] >= 500) && Type == 'json'": lambda r: not r.get("status", -1) >= 500,
    "Fields[n] == -3": lambda r: r["n"] == -3,
    "Fields[n] > -2.5 && Fields[n] <= 1e2": lambda r: -2.5 < r["n"] <= 100,
    "Fields[deep.x] > 0.5": lambda r: r.get("deep", {}).get("x", 0) > 0.5,
    "Fields[list][0][1] == 'b'": lambda r: len(r.get("list", [])) > 1 and r["list"][1] == "b",
    "Fields[ids][0][1] == 9007199254740993": lambda r: r.get("ids", [0, 0])[1] == 2**53 + 1,
    "Fields[ids][0][1] > 9007199254740992.5 && Timestamp < 1e30": lambda r: r.get("ids", [0, 0])[1] > 2**53,
    f"Fields[n] in ({', '.join(map(str, MANY))})": lambda r: r["n"] in MANY,
    "Fields[route] =~ /.*$/ && Payload =~ /$/": lambda r: "route" in r,
    "Type == 'nginx.access'": lambda _: False,
    "Logger == 'in' && Severity == 7": lambda _: True,
    "FALSE": lambda _: False,
}


def records():
    random = Random(11)
    for _ in range(3000):
        record = {"n": random.randrange(-5, 200)}
        if random.random() < 0.8:
            record["status"] = random.choice([200, 301, 404, 499, 500, 503])
        if random.random() < 0.7:
            record["route"] = random.choice(ROUTES)
        if random.random() < 0.5:
            record["ok"] = random.random() < 0.5
        if random.random() < 0.3:
            record["deep"] = {"x": random.random()}
        if random.random() < 0.3:
            record["list"] = random.choice([["a"], ["a", "b"], ["b", "a", "c"], []])
        if random.random() < 0.3:
            record["ids"] = random.choices(IDS, k=2)
        yield record


def test_every_matcher_takes_exactly_what_python_would(bench):
    known = list(records())
    path = bench.write("in.jsonl", [json.dumps(record).encode() for record in known])
    encoder = {"type": "json", "config": {"fields": ["n", "status", "route", "ok", "deep.x", "list", "ids"]}}

    bench.once(
        {
            "inputs": {"in": {"type": "file", "path": path, "decoder": "json"}},
            "outputs": {
                f"o{number}": to_json(bench.path(f"o{number}"), matcher, encoder=encoder)
                for number, matcher in enumerate(MATCHERS)
            },
        }
    )

    wrong = {}
    for number, (matcher, accepts) in enumerate(MATCHERS.items()):
        expected = [flat(record) for record in known if accepts(record)]
        got = bench.jsons(f"o{number}")
        if got != expected:
            extra = [record for record in got if record not in expected][:2]
            missing = [record for record in expected if record not in got][:2]
            wrong[matcher] = (len(got), len(expected), extra, missing)
    assert wrong == {}


def flat(record):
    record = dict(record)
    if "deep" in record:
        record["deep.x"] = record.pop("deep")["x"]
    return record
