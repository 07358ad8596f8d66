"""The check that decides whether a version of a plugin is loaded."""

import hashlib

import msgspec
import pytest

from host.config import model
from host.core.errors import ConfigErrors, SandboxError
from host.hotload import case_check
from host.hotload.case_check import CaseCheck
from host.pipeline import specs
from host.trial import cpu_budget
from tests.running import PLUGIN
from tests.trial.conftest import sandbox

CASES = "limits: {cpu_limit: 5000}\ncases:\n- name: slow\n  steps:\n" + "".join("  - {record: x}\n" for _ in range(200))
CASE = "cases:\n- {name: x, steps: [{record: x}]}\n"
SLOW = "function process_message() local x = 0 for i = 1, 1e7 do x = x + i % 7 end return 0 end"


@pytest.fixture
def check(tmp_path, harness):
    """Check one source text and return the complaint."""
    checker = CaseCheck(harness.zygote)
    path = tmp_path / "decoders" / "mine.lua"
    path.parent.mkdir()

    def run(code, cases):
        path.write_text(PLUGIN.format(kind="decoder", name="mine", code=code, header=cases))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        wanted = [msgspec.structs.replace(sandbox("decoder", None), path=str(path), digest=digest, text=None)]
        settings = model.HostSettings(sandbox_dir=str(tmp_path))
        try:
            harness.wait(checker.check(wanted, settings, specs.module_reader(str(tmp_path))))
        except (SandboxError, ConfigErrors) as error:
            return str(error)
        return ""

    run.of, run.loop = checker, harness.loop
    return run


def occupy_all_slots(check):
    """Occupy as many slots as cases can use at once."""
    for _ in range(4):
        check.loop.run_until_complete(check.of._free.acquire())


def test_cases_that_use_too_much_cpu_are_a_fault(check, monkeypatch):
    monkeypatch.setattr(case_check, "_MAX_S", 0.3)
    assert "its 1 cases take more than 0.55 s of CPU" in check(SLOW, CASES)


def test_waiting_does_not_count_against_the_budget_of_cases(check, monkeypatch):
    """Regression: the cases of forty plugins loaded at once all failed while they waited for a slot."""
    monkeypatch.setattr(case_check, "_MAX_S", 0.1)
    monkeypatch.setattr(case_check, "_MORE_S", 0.0)
    occupy_all_slots(check)
    check.loop.call_later(0.2, check.of._free.release)
    assert not check("function process_message() return 0 end", CASE)


def test_a_wall_time_limit_is_not_cached_as_a_failure(check, monkeypatch):
    monkeypatch.setattr(cpu_budget, "_WALL_TIME_FACTOR", 0.01)
    occupy_all_slots(check)
    assert "its 1 cases had not ended after 0.0525 s" in check("function process_message() return 0 end", CASE)
    monkeypatch.undo()
    check.of._free.release()
    assert not check("function process_message() return 0 end", CASE)


def test_a_fault_in_the_cases_is_a_fault_of_the_version(check):
    assert "Did you mean `record`?" in check(SLOW, "cases:\n- name: x\n  steps:\n  - {recrd: x}\n")


def test_failed_cases_do_not_run_again_until_something_changes(check, tmp_path, monkeypatch):
    code = 'local mine = require "mine"\nfunction process_message() write_message("Type", mine) return 0 end'
    cases = "cases:\n- name: x\n  steps:\n  - {record: x, messages: [{Type: right}]}\n"
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "mine.lua").write_text("return 'wrong'")
    assert 'expected "right", got "wrong"' in check(code, cases)

    runs = []
    run_cases = case_check.run_cases
    monkeypatch.setattr(case_check, "run_cases", lambda *given, **more: runs.append(1) or run_cases(*given, **more))
    assert 'expected "right", got "wrong"' in check(code, cases)
    assert not runs
    (modules / "mine.lua").write_text("return 'right'")
    assert not check(code, cases)
    assert not check(code, cases)
    assert len(runs) == 1
