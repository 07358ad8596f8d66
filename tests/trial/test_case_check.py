"""What decides whether a version of a plugin is loaded."""

import hashlib

import msgspec
import pytest

from host.config import model
from host.errors import ConfigErrors, SandboxError
from host.pipeline import case_check, specs
from host.pipeline.case_check import CaseCheck
from tests.running import PLUGIN
from tests.trial.conftest import sandbox

CASES = "limits: {cpu_limit: 5000}\ncases:\n- name: slow\n  steps:\n" + "".join("  - {record: x}\n" for _ in range(200))
SLOW = "function process_message() local x = 0 for i = 1, 1e7 do x = x + i % 7 end return 0 end"


@pytest.fixture
def check(tmp_path, laboratory):
    """Checks one text; answers what it complains of."""
    made = CaseCheck(laboratory.zygote)
    path = tmp_path / "decoders" / "mine.lua"
    path.parent.mkdir()

    def run(code, cases):
        path.write_text(PLUGIN.format(kind="decoder", name="mine", code=code, header=cases))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        wanted = [msgspec.structs.replace(sandbox("decoder", None), path=str(path), digest=digest, text=None)]
        settings = model.HostSettings(sandbox_dir=str(tmp_path))
        try:
            laboratory.wait(made.check(wanted, settings, specs.module_reader(str(tmp_path))))
        except (SandboxError, ConfigErrors) as fault:
            return str(fault)
        return ""

    return run


def test_cases_that_take_too_long_are_a_fault_and_hold_nobody_up(check, monkeypatch):
    monkeypatch.setattr(case_check, "_MOST_S", 0.3)
    assert "its 1 cases take more than 0.55 s" in check(SLOW, CASES)


def test_cases_with_a_fault_are_a_fault(check):
    assert "Did you mean `record`?" in check(SLOW, "cases:\n- name: x\n  steps:\n  - {recrd: x}\n")


def test_what_has_failed_is_not_run_again_until_something_changes(check, tmp_path, monkeypatch):
    code = 'local mine = require "mine"\nfunction process_message() write_message("Type", mine) return 0 end'
    cases = "cases:\n- name: x\n  steps:\n  - {record: x, messages: [{Type: right}]}\n"
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "mine.lua").write_text("return 'wrong'")
    assert 'expected "right", got "wrong"' in check(code, cases)

    runs = []
    run_cases = case_check.run_cases
    monkeypatch.setattr(case_check, "run_cases", lambda *given: runs.append(1) or run_cases(*given))
    assert 'expected "right", got "wrong"' in check(code, cases)
    assert not runs
    (modules / "mine.lua").write_text("return 'right'")
    assert not check(code, cases)
    assert not check(code, cases)
    assert len(runs) == 1
