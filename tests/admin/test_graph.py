"""The pipeline as a graph, and following it."""

import contextlib
import json
import re
import socket

from tests.admin.client import TOKENS, admin_section, api_of
from tests.running import until


def events(api, path, count, headers=None):
    """The first events of a stream, each as it comes: (name, data)."""
    connection = api.connect()
    connection.request("GET", path, headers={"Authorization": f"Bearer {api.token}", **(headers or {})})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    assert answer.getheader("Content-Type").startswith("text/event-stream")
    name = ""
    with contextlib.closing(connection):
        while count:
            line = answer.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                count -= 1
                yield name, json.loads(line.removeprefix("data: "))


def test_the_graph_has_every_component_and_the_rates_between_them(api):
    def flowing():
        shown = api.get("/api/v1/graph")
        rates = {(edge["source"], edge["target"]): edge["records_per_second"] for edge in shown["edges"]}
        return (shown, rates) if rates["inputs.numbers", "decoders.numbers"] > 0 else None

    shown, rates = until(flowing, "rates")
    nodes = {node["id"]: node for node in shown["nodes"]}

    assert set(nodes) >= {
        "router", "inputs.numbers", "decoders.numbers", "filters.counts", "encoders.all", "outputs.all",
    }  # fmt: skip
    assert rates["encoders.all", "outputs.all"] > 0
    assert {node["health"] for node in shown["nodes"]} == {"ok"}
    assert {edge["source"] for edge in shown["edges"]} | {edge["target"] for edge in shown["edges"]} <= set(nodes)


def test_an_output_that_is_not_open_is_shown_with_its_reason(bench):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]  # bound and closed: connections to it are refused
    host = bench.start(
        {
            "admin": admin_section(),
            "inputs": {"numbers": {"type": "generate", "lines": ["{}"], "rate": 10, "decoder": "json"}},
            "outputs": {
                "closed": {"type": "tcp", "address": f"127.0.0.1:{port}", "message_matcher": "TRUE", "encoder": "json"}
            },
        }
    )
    host.ready()
    api = api_of(host)

    def closed():
        node = {each["id"]: each for each in api.get("/api/v1/graph")["nodes"]}["outputs.closed"]
        return node if node["reason"] else None

    node = until(closed, "the reason")
    assert node["health"] == "stuck"
    assert f"127.0.0.1:{port}" in node["reason"]
    assert "refused" in node["reason"].lower()
    shown = api.get("/api/v1/outputs/closed")
    assert shown["reason"] == node["reason"]


def test_a_paused_and_a_stopped_component_are_seen_at_a_glance(api):
    def health(node):
        found = {each["id"]: each for each in api.get("/api/v1/graph")["nodes"]}[node]
        assert found["health"] == "ok" or found["reason"]
        return found["health"]

    api.do("POST", "/api/v1/sandboxes/counts/pause")
    assert health("filters.counts") == "paused"
    api.do("POST", "/api/v1/sandboxes/counts/resume")
    api.do("POST", "/api/v1/sandboxes/counts/stop")
    assert health("filters.counts") == "dead"
    api.do("POST", "/api/v1/sandboxes/counts/start")
    until(lambda: health("filters.counts") == "ok", "what was dropped is forgotten")


def test_the_graph_is_written_for_graphviz_and_mermaid(api):
    dot = api.ask("GET", "/api/v1/graph?format=dot")
    mermaid = api.ask("GET", "/api/v1/graph?format=mermaid")

    assert dot.headers["content-type"].startswith("text/vnd.graphviz")
    assert '"inputs.numbers" -> "decoders.numbers"' in dot.body.decode()
    assert dot.body.decode().startswith("digraph")
    assert re.search(r"n\d+ -->\|[\d.]+/s\| n\d+", mermaid.body.decode())


def test_what_is_suspicious_is_told(api):
    assert api.get("/api/v1/graph/warnings") == {
        "warnings": ["filters.counts: no filter and no output receives its messages."]
    }


def test_the_graph_is_followed_without_asking_again(api):
    found = list(events(api, "/api/v1/graph/stream", 2))

    assert [name for name, _ in found] == ["graph", "graph"]
    assert {node["id"] for node in found[0][1]["nodes"]} >= {"router", "outputs.all"}
    assert api.with_token(TOKENS["tenant"]).ask("GET", "/api/v1/graph/stream").status == 403
