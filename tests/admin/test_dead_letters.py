"""Dead letters over the API: looked through, tried again where they were refused, dropped."""

import json

from hypothesis import given
from hypothesis import strategies as st

from host.delivery import letter_files
from tests.admin.client import admin_section, api_of
from tests.running import to_json, until

PICKY = """
function process_message()
  if read_config("picky") and read_message("Payload"):find("bad", 1, true) then return -1 end
  write_message("Payload", read_message("Payload"))
  return 0
end
"""
OPTION = "config:\n  picky: {type: boolean, default: %s, description: Whether it refuses what is bad.}\n"
FATAL = """
function process_message()
  if read_config("picky") and read_message("Payload"):find("worse", 1, true) then while true do end end
  inject_message {Type = "said", Payload = read_message("Payload")}
  return 0
end
"""


def config_of(bench, lines):
    path = bench.write("in.log", lines)
    return {
        "admin": admin_section(),
        "inputs": {"in": {"type": "file", "path": path, "decoder": "picky"}},
        "outputs": {
            "all": to_json(bench.path("all"), 'Logger == "in"'),
            "said": to_json(bench.path("said"), 'Type == "heka.sandbox.said"'),
        },
    }


def payloads(bench, name):
    return [json.loads(line)["Payload"] for line in bench.read(name).split(b"\n")[:-1]]


def test_what_was_refused_is_tried_again_where_it_was_refused(bench):
    lines = [b"good %d" % n for n in range(20)] + [b"bad 1", b"worse 1", b"bad 2", b"good again"]
    bench.plugin("decoder", "picky", PICKY, OPTION % "true")
    bench.plugin("filter", "fatal", FATAL, 'message_matcher: Logger == "in"\n' + OPTION % "true")
    host = bench.start(config_of(bench, lines)).ready()
    api = api_of(host)
    until(lambda: len(api.get("/api/v1/dead-letters")["items"]) == 3, "three dead letters")

    letters = api.get("/api/v1/dead-letters?kind=decoder")["items"]
    assert [letter["record"] for letter in letters] == ["bad 2", "bad 1"], "the newest first"
    (fatal,) = api.get("/api/v1/dead-letters?component=fatal&reason=cpu_limit")["items"]
    assert (fatal["kind"], fatal["record"]) == ("filter", "worse 1")
    assert api.get(f"/api/v1/dead-letters/{fatal['id']}") == fatal
    first = api.get("/api/v1/dead-letters?limit=1")
    assert len(api.get(f"/api/v1/dead-letters?limit=500&cursor={first['next_cursor']}")["items"]) == 2

    again = api.do("POST", f"/api/v1/dead-letters/{letters[0]['id']}/replay")
    assert again == {"done": [letters[0]["id"]], "failed": {}}
    found = api.get("/api/v1/dead-letters?kind=decoder")["items"]
    assert [letter["record"] for letter in found] == ["bad 2", "bad 1"], "it has failed again, as a new letter"
    assert found[0]["id"] != letters[0]["id"]
    api.get(f"/api/v1/dead-letters/{letters[0]['id']}", status=404)

    api.do("PATCH", "/api/v1/sandboxes/picky", {"config": {"picky": False}})
    api.do("PATCH", "/api/v1/sandboxes/fatal", {"config": {"picky": False}})
    done = api.do("POST", "/api/v1/dead-letters/replay", {"kind": "decoder"})
    assert (len(done["done"]), done["failed"]) == (2, {})
    until(lambda: {"bad 1", "bad 2"} <= set(payloads(bench, "all")), "they were delivered")
    api.do("POST", f"/api/v1/dead-letters/{fatal['id']}/replay?input=in")
    until(lambda: "worse 1" in payloads(bench, "said"), "the filter has had it")

    assert api.get("/api/v1/dead-letters")["items"] == []
    assert api.get("/api/v1/inputs/in")["counters"]["records_replayed"] == 3
    assert api.get("/api/v1/filters/fatal")["counters"]["records_replayed"] == 1
    assert host.terminate() == 0
    assert sorted(payloads(bench, "all")) == sorted(line.decode() for line in lines), "each once"
    assert sorted(payloads(bench, "said")) == sorted(line.decode() for line in lines), "each once"


def test_what_an_output_has_refused_is_handed_to_it_again_and_others_are_dropped(bench):
    config = config_of(bench, [b"one", b"two"])
    config["inputs"]["in"]["decoder"] = "payload"
    config["outputs"] = {
        "tcp": {"type": "tcp", "address": "127.0.0.1:1", "message_matcher": "TRUE", "encoder": "payload",
                "retries": {"max_attempts": 1, "delay_ms": 1}},
    }  # fmt: skip
    api = api_of(bench.start(config).ready())
    until(lambda: len(api.get("/api/v1/dead-letters?kind=outputs")["items"]) == 2, "both were given up")
    letters = api.get("/api/v1/dead-letters")["items"]

    again = api.do("POST", "/api/v1/dead-letters/replay", {"ids": [letters[0]["id"], "99-0"]})
    assert again["done"] == [letters[0]["id"]]
    until(lambda: len(api.get("/api/v1/dead-letters")["items"]) == 2, "it has failed again")
    api.do("DELETE", f"/api/v1/dead-letters/{letters[1]['id']}", status=204)
    assert len(api.get("/api/v1/dead-letters")["items"]) == 1
    assert len(api.do("POST", "/api/v1/dead-letters/drop", {"component": "tcp"})["done"]) == 1
    assert api.get("/api/v1/dead-letters")["items"] == []
    for wrong in ("1", "x-1", "1-", "-1-1", "1-1-1", "999999999-1"):
        api.get(f"/api/v1/dead-letters/{wrong}", status=404)
    api.get("/api/v1/dead-letters?cursor=nonsense", status=400)


LINES = st.lists(st.text(max_size=300), max_size=40)


@given(LINES, st.integers(1, 7), st.data())
def test_letters_are_found_newest_first_page_by_page_and_taken_out_one_by_one(tmp_path_factory, texts, limit, data):
    folder = tmp_path_factory.mktemp("letters")
    half = len(texts) // 2
    for number, part in enumerate((texts[:half], texts[half:]), 1):
        (folder / f"{number:08d}.jsonl").write_bytes(
            b"".join(json.dumps({"record": text}, ensure_ascii=False).encode() + b"\n" for text in part)
        )

    def everything():
        found, before = [], None
        while True:
            part, before = letter_files.scan(folder, before, lambda _: True, limit)
            found += part
            if before is None:
                return found

    letters = everything()
    assert [letter.entry["record"] for letter in letters] == texts[::-1]
    for letter in letters:
        assert letter_files.get(folder, letter.id) == letter
        assert letter_files.parse_id(str(letter.id)) == letter.id
    if letters:
        out = data.draw(st.sampled_from(letters))
        assert letter_files.take_out(folder, out.id)
        assert not letter_files.take_out(folder, out.id)
        assert everything() == [letter for letter in letters if letter != out]
