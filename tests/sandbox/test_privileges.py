"""What the system says of a real sandbox process, and of what it cannot see of the host."""

import asyncio
import ctypes
import os
import resource
from pathlib import Path

import psutil
import pytest

from host.packs.arena import Arena
from host.sandbox import privileges
from host.sandbox.process import Order
from host.sandbox.sandbox import Sandbox
from host.sandbox.zygote_client import ZygoteClient
from host.telemetry.metrics import ComponentMetrics
from tests.packs.harness import SandboxListener

SECRET = "the-secret-of-the-environment"


def new_sandbox(zygote):
    text = "function process_message() return 0 end"
    spec = {
        "name": "test", "kind": "filter", "hostname": "here", "output_limit": 65536, "max_message_size": 131072,
        "max_message_fields": 1024, "message_matcher": "TRUE", "max_process_inject": 1, "max_timer_inject": 10,
        "readouts": [], "scripts": [{"name": "test", "file": "test.lua", "text": text, "config": {"": None}}],
    }  # fmt: skip
    return Sandbox(
        "test",
        order=Order("test", 8 << 20, 0, 0, allow_unjailed=False),
        spec=spec,
        arena=Arena("test", 64 * 1024, 4, host_writes=False),
        housing=zygote,
        owner=SandboxListener(),
        metrics=ComponentMetrics("filters", "test", "test"),
        cpu_limit_ms=100,
        read_module=str,
    )


def look_at(*look, sandboxes=1):
    """What functions find out about the processes of sandboxes, one list for each function."""

    async def run():
        zygote = ZygoteClient()
        zygote.start()
        started = [new_sandbox(zygote) for _ in range(sandboxes)]
        try:
            async with asyncio.timeout(20):
                await asyncio.gather(*(sandbox.start() for sandbox in started))
            return [[each(sandbox.pid) for sandbox in started] for each in look]
        finally:
            await asyncio.gather(*(sandbox.stop() for sandbox in started))
            zygote.close()

    return asyncio.run(run())


def status(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.split() for key, value in (line.split(":", 1) for line in lines)}


def namespaces(pid):
    return {name: str(Path(f"/proc/{pid}/ns/{name}").readlink()) for name in ("net", "ipc")}


def interfaces(pid):
    return [line.split(":")[0].strip() for line in Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]]


def test_a_sandbox_has_no_rights_and_no_user_in_common_with_anybody():
    [found] = look_at(status, sandboxes=3)

    for each in found:
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(each[capabilities][0], 16) == 0, capabilities
        assert (each["NoNewPrivs"], each["Seccomp"]) == (["1"], ["2"])
        assert len(set(each["Uid"])) == len(set(each["Gid"])) == 1
    if os.geteuid() == 0:
        assert all(each["Groups"] == [] for each in found)
        uids = [int(each["Uid"][0]) for each in found]
        assert len(set(uids)) == 3
        assert min(uids) > privileges.FIRST_UID


def test_a_sandbox_is_in_namespaces_of_its_own_without_a_network():
    found, devices = look_at(namespaces, interfaces)

    own = namespaces("self")
    assert found[0]["net"] != own["net"]
    assert found[0]["ipc"] != own["ipc"]
    assert devices == [["lo"]]


def test_a_sandbox_has_nothing_of_the_environment_even_in_memory(monkeypatch):
    monkeypatch.setenv("HEKATE_TEST_SECRET", SECRET)

    environments, memories = look_at(
        lambda pid: Path(f"/proc/{pid}/environ").read_bytes().strip(b"\0"), lambda pid: SECRET.encode() in memory(pid)
    )

    assert environments == [b""]
    assert memories == [False]


def memory(pid):
    """All that is in the private memory of a process."""
    found = bytearray()
    with Path(f"/proc/{pid}/mem").open("rb", 0) as file:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            start, end = (int(number, 16) for number in line.split()[0].split("-"))
            if "rw-p" in line:
                file.seek(start)
                found += file.read(end - start)
    return bytes(found)


def test_the_memory_of_a_process_can_be_looked_at():
    """Else the test above proves nothing."""
    text = bytearray(SECRET.encode())
    assert bytes(text) in memory("self")


def test_a_sandbox_has_one_descriptor_and_it_is_its_socket():
    [found] = look_at(lambda pid: [str(each.readlink()).split(":")[0] for each in Path(f"/proc/{pid}/fd").iterdir()])

    assert found == [["socket"]]


def test_a_sandbox_ends_before_the_host_when_memory_is_short():
    zygotes = []
    [found] = look_at(
        lambda pid: (zygotes.append(psutil.Process(pid).ppid()), int(Path(f"/proc/{pid}/oom_score_adj").read_text()))[1]
    )

    assert found == [privileges.OOM_SCORE]
    assert int(Path("/proc/self/oom_score_adj").read_text()) < privileges.OOM_SCORE


def test_a_sandbox_ends_with_its_zygote_though_its_user_was_changed():
    async def run():
        zygote = ZygoteClient()
        zygote.start()
        sandbox = new_sandbox(zygote)
        try:
            async with asyncio.timeout(20):
                await sandbox.start()
                process = psutil.Process(sandbox.pid)
                psutil.Process(zygote.pid).kill()
                while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110 -- the system says so
                    await asyncio.sleep(0.005)
        finally:
            await sandbox.stop()
            zygote.close()

    asyncio.run(run())


def in_child(work):
    """The exit status of a child that does some work."""
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            status = work()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_without_the_right_to_it_a_process_goes_on_as_it_is():
    def work():
        privileges.drop_all()
        privileges.isolate_zygote()
        privileges.drop_all()
        return 0

    assert in_child(work) == 0


def test_the_stack_of_a_sandbox_has_a_limit():
    def work():
        privileges.limit_stack()
        return 0 if resource.getrlimit(resource.RLIMIT_STACK)[1] <= 8 << 20 else 1

    assert in_child(work) == 0


@pytest.mark.parametrize("count", [0, 1, 300])
def test_the_environment_is_cleared_however_large_it_is(count):
    def work():
        for number in range(count):
            os.environ[f"HEKATE_TEST_{number}"] = SECRET
        privileges.clear_environment()
        libc = ctypes.CDLL(None)
        libc.getenv.restype = ctypes.c_char_p
        return 0 if dict(os.environ) == {"TZ": "UTC0"} and libc.getenv(b"PATH") is None else 1

    assert in_child(work) == 0
