"""Refused requests are counted and summed up, and do not push out what the audit log is for."""

import asyncio

import orjson
import pytest

from host.admin.services import refusals
from host.admin.services.audit import Audit
from host.admin.services.refusals import Refusals
from host.config.model import AuditSettings
from host.telemetry.metrics import ComponentMetrics
from tests.admin.client import TOKENS, audit


def lines(folder):
    return [orjson.loads(line) for line in (folder / "audit.jsonl").read_bytes().splitlines()]


def note_all(folder, requests):
    async def run():
        log = Audit(folder, AuditSettings(), ComponentMetrics("router", "router", "router"))
        metrics = ComponentMetrics("admin", "admin", "admin")
        summed = Refusals(log, metrics)
        firsts = [
            summed.note(who=who, address=address, what=what, status=status) for who, address, what, status in requests
        ]
        summed.sum_up()
        summed.sum_up()
        log.close()
        return metrics, firsts

    return asyncio.run(run())


def test_any_number_of_requests_is_one_line(tmp_path):
    metrics, firsts = note_all(tmp_path, [("anonymous", f"10.0.{n % 256}.1", "put_sandbox", 401) for n in range(5000)])

    [line] = lines(tmp_path)
    assert line["what"] == "refused_requests"
    assert line["count"] == 5000
    assert line["refused"] == [{"who": "anonymous", "what": "put_sandbox", "result": 401, "count": 5000}]
    assert len(line["addresses"]) <= 20
    assert metrics.errors["refused_401"] == 5000
    assert firsts.count(True) == 1


def test_any_number_of_callers_is_a_short_line(tmp_path):
    note_all(tmp_path, [(f"caller {n}", "here", f"operation {n}", 403) for n in range(5000)])

    [line] = lines(tmp_path)
    assert line["count"] == 5000
    assert len(line["refused"]) <= 22
    assert len(orjson.dumps(line)) < 4000


def test_the_first_refusal_of_a_caller_is_told_from_any_number_of_others(tmp_path):
    others = [("anonymous", "here", f"operation {n}", 401) for n in range(100)]
    _, firsts = note_all(
        tmp_path, [*others, ("viewer", "here", "put_sandbox", 403), ("viewer", "here", "put_sandbox", 403)]
    )

    assert firsts[-2:] == [True, False]


def test_a_period_ends_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(refusals, "PERIOD_S", 0.01)

    async def run():
        log = Audit(tmp_path, AuditSettings(), ComponentMetrics("router", "router", "router"))
        summed = Refusals(log, ComponentMetrics("admin", "admin", "admin"))
        summed.note(who="anonymous", address="here", what="put_sandbox", status=401)
        async with asyncio.timeout(20):
            while not (tmp_path / "audit.jsonl").stat().st_size:  # noqa: ASYNC110 -- looked at from outside
                await asyncio.sleep(0.005)
        log.close()

    asyncio.run(run())
    assert len(lines(tmp_path)) == 1


@pytest.mark.parametrize("token", ["", "no-such-token"])
def test_requests_of_nobody_are_not_in_the_log_one_by_one_but_in_the_metrics(api, shared, token):
    before = len(audit(shared))

    for _ in range(30):
        api.with_token(token).ask("PUT", "/api/v1/sandboxes/x")

    assert len(audit(shared)) <= before + 1
    metrics = api.with_token(TOKENS["viewer"]).ask("GET", "/metrics").body.decode()
    assert 'kind="admin"' in metrics
    assert 'reason="refused_401"' in metrics
