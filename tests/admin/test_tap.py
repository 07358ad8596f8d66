"""Taps: records on their way, over server-sent events and over a WebSocket."""

import asyncio
import json
import os
import signal

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.admin.client import TOKENS, admin_section, api_of
from tests.admin.test_graph import events
from tests.repl.session import answers as repl_answers
from tests.running import to_json, until

MAX_BUNDLES = 12


def fields(message):
    return {field["name"]: field["value"] for field in message["Fields"]}


def watched(api, query, enough):
    """The bundles of a tap until there are enough. Some are empty: it looks seldom where looking has cost much CPU."""
    found = []
    for _, data in events(api, f"/api/v1/tap?{query}", MAX_BUNDLES):
        found.append(data)
        if enough(found):
            return found
    raise AssertionError(found)


def records_of(bundles):
    return [record for bundle in bundles for record in bundle["records"]]


def seen(api, query, count=1):
    """Records of a tap, at least so many, and what was counted."""
    found = watched(api, query, lambda bundles: len(records_of(bundles)) >= count)
    return records_of(found), found[-1]["counts"]


def test_records_are_seen_after_their_decoder(api):
    records, counts = seen(api, "point=decoders.numbers")

    assert records[0]["Logger"] == "numbers"
    assert fields(records[0])["status"] == 500
    assert counts["shown_records"] >= len(records)
    assert counts["passed_records"] >= counts["shown_records"]
    assert counts["skipped_packs"] >= 0


def test_a_matcher_says_which(api):
    records, _ = seen(api, "match=Fields%5Bn%5D+%3E%3D+200", 2)
    assert all(fields(record)["n"] >= 200 for record in records)

    none = watched(
        api,
        "match=Fields%5Bstatus%5D+%3D%3D+404",
        lambda bundles: bundles[-1]["counts"]["passed_packs"] > bundles[-1]["counts"]["skipped_packs"],
    )
    assert records_of(none) == [], "packs were looked at, and no record of them matches"


def test_what_a_filter_injects_is_seen(api):
    records, _ = seen(api, "point=filters.counts")

    assert {record["Type"] for record in records} == {"heka.sandbox-output"}
    assert all(record["Payload"].startswith("n=") for record in records)


def test_before_an_output_only_what_it_matches_is_seen(api):
    records, _ = seen(api, "point=outputs.all&match=TRUE")

    assert all("n" in fields(record) for record in records)


def test_the_rate_is_kept_and_what_was_dropped_is_counted(api):
    found = watched(api, "rate=2", lambda bundles: bundles[-1]["counts"]["dropped_records"] > 0)

    assert max(len(bundle["records"]) for bundle in found) == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("match=Type+%3D%3D", "matcher"),
        ("match=TRUE)+||+(TRUE&point=outputs.all", "matcher"),
        ("match=x", "matcher"),
        ("point=outputs.nothing", "point"),
        ("point=nothing", "point"),
        ("rate=0", "rate"),
        ("rate=1000", "rate"),
    ],
)
def test_a_tap_that_cannot_be_is_refused_with_the_reason(query, expected, api):
    problem = api.get(f"/api/v1/tap?{query}", status=400)

    assert expected in problem["detail"]


def over_websocket(api, headers, query="point=router"):
    """What a tap sends up to the first bundle with a record, and the protocol that was chosen."""

    async def watch():
        request = HTTPRequest(f"ws://{api.where}/api/v1/tap?{query}", headers=headers)
        connection = await websocket_connect(request, subprotocols=headers.pop("protocols", None))
        found = []
        while not records_of(found) and len(found) < MAX_BUNDLES:
            found.append(json.loads(await asyncio.wait_for(connection.read_message(), 20)))
        protocol = connection.selected_subprotocol
        connection.close()
        while await connection.read_message() is not None:
            pass
        return found, protocol

    return asyncio.run(watch())


def test_the_same_comes_over_a_websocket(api):
    found, _ = over_websocket(api, {"Authorization": f"Bearer {api.token}"})
    assert any(bundle["records"] for bundle in found)

    by_protocol = {"protocols": ["hekate.tap", f"bearer.{TOKENS['viewer']}"]}
    found, protocol = over_websocket(api, by_protocol)
    assert any(bundle["records"] for bundle in found)
    assert protocol == "hekate.tap"


UPGRADE = {
    "Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip


@pytest.mark.parametrize(
    ("token", "headers", "query", "status"),
    [
        ("", {}, "", 401),
        ("nonsense", {}, "", 401),
        ("", {"Sec_WebSocket_Protocol": "hekate.tap, bearer.nonsense"}, "", 401),
        (TOKENS["tenant"], {}, "", 403),
        (TOKENS["viewer"], {"Origin": "https://evil.example"}, "", 403),
        (TOKENS["viewer"], {"Host": "evil.example"}, "", 421),
        (TOKENS["viewer"], {}, "point=nothing", 400),
        (TOKENS["viewer"], {}, "match=%28", 400),
    ],
)
def test_a_websocket_is_as_closed_as_everything_else(token, headers, query, status, api):
    reply = api.with_token(token).ask("GET", f"/api/v1/tap?{query}", **UPGRADE, **headers)

    assert reply.status == status
    assert reply.json["detail"]


def records_in(line):
    """The records of a line of an answer, if it is a bundle."""
    return json.loads(line.removeprefix(b"data: "))["records"] if line.startswith(b"data: ") else []


@pytest.mark.slow
def test_taps_come_and_go_and_are_bounded_and_their_process_may_die(bench):
    host = bench.start(
        {
            "admin": admin_section(limits={"taps": 2}),
            "inputs": {"in": {"type": "generate", "lines": ["{sequence}"], "rate": 1000}},
            "outputs": {"all": to_json(bench.path("all"))},
        }
    ).ready()
    api = api_of(host)
    assert "tap" not in host.sandboxes(), "nobody watches, so there is nothing"

    open_ones = []
    for matcher in ("TRUE", "Payload+!%3D+%27%27"):
        connection = api.connect()
        connection.request("GET", f"/api/v1/tap?match={matcher}", headers={"Authorization": f"Bearer {api.token}"})
        answer = connection.getresponse()
        assert answer.status == 200
        open_ones.append((connection, answer))
    assert "limits.taps" in api.get("/api/v1/tap", status=409)["detail"]

    pid = until(lambda: host.sandboxes().get("tap"), "the process of the taps")
    os.kill(pid, signal.SIGKILL)
    until(lambda: host.sandboxes().get("tap", pid) != pid, "another process")
    latest = int(bench.jsons_so_far("all")[-1]["Payload"])
    _, answer = open_ones[0]
    until(lambda: any(int(record["Payload"]) > latest for record in records_in(answer.readline())), "records again")
    for connection, _ in open_ones:
        connection.close()
    until(lambda: "tap" not in host.sandboxes(), "it ends when nobody watches any more")
    assert host.terminate() == 0
    lines = bench.lines("all")
    assert [json.loads(line)["Payload"] for line in lines] == [str(n) for n in range(len(lines))]


def test_the_repl_takes_samples_from_a_tap(shared, tmp_path):
    any_record, matching, of_decoder, refused, nowhere = repl_answers(
        tmp_path,
        ":load tap",
        ":load tap router Fields[status] == 500",
        ":load tap decoders.numbers",
        ":load tap nowhere",
        ":load tap router Fields[",
        status=1,
        env={"HEKATE_API": shared.path("admin.sock")},
    )
    for taken in (any_record, matching, of_decoder):
        assert taken["source"] == "tap"
        assert 0 < len(taken["samples"]) <= 20
        assert all(json.loads(line)["status"] == 500 for line in taken["samples"])
    assert "nowhere" in refused["error"]
    assert "matcher" in nowhere["error"]


def test_the_repl_tells_that_there_is_no_host_to_tap(tmp_path):
    gone = str(tmp_path / "gone.sock")
    (unreachable,) = repl_answers(tmp_path, ":load tap", status=1, env={"HEKATE_API": gone})
    assert "No host answers at" in unreachable["error"]
    assert "HEKATE_API" in unreachable["error"]
