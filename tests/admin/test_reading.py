"""What the API tells of a running host."""

import json

import pytest

from tests.admin.client import admin_section, api_of
from tests.admin.test_graph import events
from tests.running import until


def test_the_host_lives_and_is_ready(api):
    assert api.get("/health")["status"] == "alive"
    ready = api.get("/ready")

    assert ready["ready"]
    assert {each["component"] for each in ready["components"]} >= {
        "inputs.numbers", "decoders.numbers", "filters.counts", "encoders.all", "outputs.all",
    }  # fmt: skip


def test_metrics_have_base_units_and_bounded_labels(api):
    text = api.ask("GET", "/metrics").body.decode()

    assert 'hekate_component_received_records_total{kind="filters",name="counts",type="counts"}' in text
    assert "hekate_sandbox_cpu_seconds_total" in text
    assert "milliseconds" not in text


def test_the_openapi_document_lists_every_route_and_refers_to_nothing_that_is_not_there(api):
    document = api.get("/openapi.json")
    text = json.dumps(document)

    assert document["openapi"].startswith("3.1")
    assert {"/health", "/api/v1/sandboxes/{name}", "/api/v1/{stage}/{name}/pause"} <= document["paths"].keys()
    for reference in {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}:
        assert reference in document["components"]["schemas"]


def test_the_docs_ask_for_nothing_from_elsewhere(api):
    page = api.ask("GET", "/docs").body.decode()

    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    assert "/api/v1/sandboxes/{name}/source" in page


@pytest.mark.parametrize("stage", ["inputs", "decoders", "filters", "encoders", "outputs"])
def test_components_are_listed_and_shown(stage, api):
    page = api.get(f"/api/v1/{stage}")
    first = page["items"][0]
    shown = api.get(f"/api/v1/{stage}/{first['name']}")

    assert page["next_cursor"] is None
    assert shown["stage"] == stage
    assert shown["state"] == "running"
    assert shown["counters"]["errors"] == {}
    assert (shown["queue"] is not None) == (stage in {"filters", "outputs"})


def test_what_is_not_there_is_not_found(api):
    for path in ("/api/v1/nothing", "/api/v1/inputs/nothing", "/api/v1/sandboxes/nothing", "/api/v1/inputs/..%2f..",
                 "/api/v1/sandboxes/nothing/source", "/api/v1", "/api/v2/inputs"):  # fmt: skip
        reply = api.ask("GET", path)
        assert reply.status == 404, path
        assert reply.json["detail"]


def test_sandboxes_are_listed_by_kind_and_page_by_page(api):
    everything = api.get("/api/v1/sandboxes")["items"]
    first = api.get("/api/v1/sandboxes?limit=1")
    rest = api.get(f"/api/v1/sandboxes?limit=500&cursor={first['next_cursor']}")["items"]

    def keys(items):
        return [(each["kind"], each["name"]) for each in items]

    assert keys(everything) == keys(first["items"] + rest)
    assert {("filter", "counts"), ("decoder", "json"), ("encoder", "json")} <= set(keys(everything))
    assert keys(api.get("/api/v1/sandboxes?kind=filter")["items"]) == [("filter", "counts")]


def test_a_name_that_several_kinds_have_wants_the_kind(api):
    problem = api.get("/api/v1/sandboxes/json", status=409)

    assert "kind=decoder" in problem["detail"]
    assert api.get("/api/v1/sandboxes/json?kind=decoder")["components"] == ["decoders.numbers"]


def test_a_sandbox_is_shown_in_all_detail(api):
    def shown():
        found = api.get("/api/v1/sandboxes/counts")
        return found if found["records_received"] and found["records_injected"] else None

    found = until(shown, "the filter has worked")
    (instance,) = found["instances"]
    (process,) = instance["processes"]

    assert found["state"] == "running"
    assert found["origin"] == "drop-in"
    assert found["changeable"]
    assert found["summary"] == "A filter for the tests."
    assert found["message_matcher"] == "Fields[n] != NIL"
    assert found["ticker_interval"] == 0.25
    assert instance["component"] == "filters.counts"
    assert process["pid"] > 0
    assert process["resident_bytes"] > 1_000_000
    assert {use["name"] for use in process["limits"]} >= {"memory_limit", "cpu_limit", "output_limit", "max_loops"}
    assert process["last_termination"] is None


def test_the_source_is_that_of_the_file(api, shared):
    reply = api.ask("GET", "/api/v1/sandboxes/counts/source")

    assert reply.headers["content-type"].startswith("text/x-lua")
    assert reply.body == shared.read("plugins/filters/counts.lua")


def test_prints_and_payloads_are_kept(api):
    lines = until(lambda: api.get("/api/v1/sandboxes/counts/logs")["items"], "a line")
    outputs = until(lambda: api.get("/api/v1/sandboxes/counts/outputs")["items"], "a payload")

    assert lines[0]["text"] == "counts: the first one"
    assert (outputs[0]["name"], outputs[0]["type"]) == ("counts", "txt")
    assert outputs[0]["payload"].startswith("n=")


def test_the_configuration_is_shown_without_its_secrets(api, shared):
    shown = api.get("/api/v1/config")

    assert shown["config"]["inputs"]["numbers"]["decoders"] == 1
    assert shown["config"]["admin"]["tokens"] == "********"
    assert shown["last_reload"] is None
    assert shown["files"] == [str(shared.host.config_path)]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "nothing=1", "limit=1&limit=2", "kind=thing", "cursor=%ff"]
)
def test_wrong_parameters_are_refused_with_a_reason(query, api):
    problem = api.get(f"/api/v1/sandboxes?{query}", status=400)

    assert problem["detail"]


def test_the_library_tells_what_may_be_named_and_required(api):
    decoders = {each["name"]: each for each in api.get("/api/v1/library?stage=decoders")["items"]}
    modules = {each["name"]: each for each in api.get("/api/v1/library/modules")["items"]}

    assert {"json", "payload"} <= set(decoders)
    assert decoders["nginx_access"]["options"][0]["description"]
    assert modules["ip_address"]["origin"] == "shipped"
    assert b"lpeg" in api.ask("GET", "/api/v1/library/modules/ip_address").body
    api.get("/api/v1/library/modules/..%2f..%2fhost", status=404)
    api.get("/api/v1/library/modules/nothing", status=404)


def test_what_a_filter_makes_of_a_message_is_read_like_what_it_makes_of_the_time(bench):
    """Such a message says where its record ended, though its pack has no raw bytes."""
    code = 'function process_message() inject_payload("txt", "each", "n=", read_message("Fields[n]")) return 0 end'
    bench.plugin("filter", "each", code, "message_matcher: Fields[n] != NIL\n")
    host = bench.start(
        {
            "admin": admin_section(),
            "inputs": {"numbers": {"type": "generate", "lines": ['{"n":{sequence}}'], "rate": 200, "decoder": "json"}},
            "outputs": {"all": {"type": "null", "message_matcher": "TRUE", "encoder": "json"}},
        }
    )
    api = api_of(host)

    (output,) = until(lambda: api.get("/api/v1/sandboxes/each/outputs")["items"], "a payload")
    seen = [each for _, data in events(api, "/api/v1/tap?point=filters.each", 3) for each in data["records"]]

    assert output["payload"].startswith("n=")
    assert seen
    assert "cannot be read" not in host.log
    host.terminate()
