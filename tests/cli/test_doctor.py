"""`hekate doctor`: each thing that it looks at is broken once, and it says so with the command that mends it."""

import json
import os
import socket
import subprocess
import sys

import pytest

from tests.cli.test_cli import hekate
from tests.running import ROOT, Bench, to_json

SABOTAGE = """
import pathlib, resource, shutil, sys
from host.cli import main
from host.cli.support import config_checks
from host.cli.support import doctor_checks as checks
from host.plugins import lua_modules
{code}
sys.exit(main.run(["doctor", "--format", "json", *sys.argv[1:]]))
"""
SHORT = "p = pathlib.Path({folder!r}); (p / 'sys/fs/inotify').mkdir(parents=True)\nchecks._PROC = p\n"
NO_SECCOMP = """
import errno, pyseccomp as sc
f = sc.SyscallFilter(sc.ALLOW)
f.add_rule(sc.ERRNO(errno.EPERM), "seccomp")
f.add_rule(sc.ERRNO(errno.EPERM), "prctl", sc.Arg(0, sc.EQ, 22))
f.load()
"""
# what is broken, the check, its state, what it says, what mends it
BROKEN = [
    (
        "lua_modules.folders = lambda: [pathlib.Path('/nowhere')]",
        ("Lua modules", "wrong", "lpeg and cjson for Lua 5.1 is missing.", "apt-get install -y lua-lpeg lua-cjson"),
    ),
    ("sys.modules['lupa'] = None", ("LuaJIT", "wrong", "lupa with LuaJIT 2.1 cannot be", "pip install --upgrade lupa")),
    (NO_SECCOMP, ("jail", "wrong", "No jailed sandbox can be started", "seccomp=unconfined")),
    (
        SHORT + "for n in ('watches', 'instances'): (p / f'sys/fs/inotify/max_user_{n}').write_text('7')",
        ("inotify", "warning", "Only 7 files can be watched.", "sysctl -w fs.inotify.max_user_watches=65536"),
    ),
    (SHORT, ("inotify", "warning", "This system has no inotify", "Nothing has to be done")),
    (
        "resource.setrlimit(resource.RLIMIT_NOFILE, (200, 4096))",
        ("open files", "warning", "At most 200.", "ulimit -n 4096"),
    ),
    (
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))",
        ("address space", "wrong", "At most 4 GiB", "ulimit -v unlimited"),
    ),
    (
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))",
        ("system limits", "wrong", "Only 64 file descriptors may be open", "ulimit -n 65536"),
    ),
    (
        "resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))",
        ("system limits", "wrong", "The address space is limited to 8.0 GiB", "ulimit -v unlimited"),
    ),
    (
        "shutil.disk_usage = lambda path: type('Usage', (), {'free': 5 << 20})",
        ("disk", "warning", "0.0 GiB are free", "du -sh "),
    ),
]


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


def doctor(bench, config, code=""):
    program = SABOTAGE.format(code=code)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program, config], capture_output=True, text=True, timeout=60, env=environment,
        cwd=bench.folder,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    found = {}
    for check in json.loads(done.stdout):
        if found.get(check["name"], {"state": "ok"})["state"] == "ok":
            found[check["name"]] = check
    return done.returncode, found


def simple(bench):
    state = bench.path("state")
    outputs = "outputs: {o: {type: 'null', message_matcher: 'TRUE', encoder: json}}"
    return bench.write("simple.yaml", f"hekate: {{state_dir: {state}}}\ninputs: {{a: {{type: stdin}}}}\n{outputs}\n")


@pytest.mark.slow
@pytest.mark.parametrize(("code", "expected"), BROKEN, ids=[f"{each[0]}-{n}" for n, (_, each) in enumerate(BROKEN)])
def test_what_is_broken_in_the_machine_is_found(bench, code, expected):
    name, state, said, mend = expected
    status, found = doctor(bench, simple(bench), code.replace("{folder!r}", repr(bench.path("proc"))))

    assert (found[name]["state"], said in found[name]["text"], mend in found[name]["mend"]) == (state, True, True), (
        found
    )
    assert status == (1 if any(check["state"] == "wrong" for check in found.values()) else 0)


def test_what_is_wrong_with_a_configuration_is_found(bench):
    (bench.folder / "gone").mkdir()
    (bench.folder / "crlf.log").write_bytes(b"one\r\ntwo\r\n")
    (bench.folder / "wide.log").write_bytes("one\r\ntwo\r\n".encode("utf-16"))
    taken, datagrams = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for each in (taken, datagrams):
        each.bind(("127.0.0.1", 0))
    taken.listen()
    ports = [each.getsockname()[1] for each in (taken, datagrams)]
    config = bench.write(
        "hekate.yaml",
        f"""
hekate: {{state_dir: /proc/nowhere/state, sandbox_dir: {bench.path("plugins")}}}
admin: {{listen: 127.0.0.1:{ports[0]}}}
inputs:
  gone: {{type: file, path: /no/such/folder/x.log}}
  none: {{type: file, path: {bench.path("*.none")}}}
  crlf: {{type: file, path: {bench.path("crlf.log")}}}
  wide: {{type: file, path: {bench.path("wide.log")}}}
  tcp: {{type: tcp, address: 127.0.0.1:{ports[0]}}}
  udp: {{type: udp, address: 127.0.0.1:{ports[1]}}}
  socket: {{type: unix, path: /proc/nowhere/in.sock}}
outputs:
  folder: {to_json(bench.path("gone"))}
  closed: {to_json("/proc/nowhere/out.jsonl")}
  fine: {to_json(bench.path("%Y/%m/out.jsonl"))}
""",
    )
    status, found = doctor(bench, config)
    with taken, datagrams:
        expected = {
            "state_dir": ("wrong", "This user cannot write to /proc", "sudo install -d -o"),
            "sandbox_dir": ("warning", "does not exist yet", f"mkdir -p {bench.path('plugins')}"),
            "inputs.gone": ("wrong", "/no/such/folder", "ls -ld "),
            "inputs.none": ("warning", "No file matches", "ls -l "),
            "inputs.crlf": ("warning", "lines end with CR LF", 'splitter: {type: token, delimiter: "\\r\\n"}'),
            "inputs.wide": ("warning", "It is UTF-16", "iconv -f UTF-16 -t UTF-8 "),
            "inputs.tcp": ("wrong", f"Process {os.getpid()} uses it", f"sudo ss -ltnp 'sport = :{ports[0]}'"),
            "inputs.udp": ("wrong", "is in use by another program", f"sudo ss -lunp 'sport = :{ports[1]}'"),
            "inputs.socket": ("wrong", "cannot write to /proc", "sudo install -d"),
            "admin.listen": ("wrong", "is in use by another program", "ss -ltnp"),
            "outputs.folder": ("wrong", "is a folder, but must be a file", "ls -ld "),
            "outputs.closed": ("wrong", "cannot write to /proc", "sudo install -d"),
            "outputs.fine": ("ok", "is writable", ""),
            "system limits": ("ok", "suffice for this configuration", ""),
        }
        for name, (state, said, mend) in expected.items():
            check = found[name]
            assert (check["state"], said in check["text"], mend in check["mend"]) == (state, True, True), check
    assert status == 1

    status, found = doctor(bench, bench.write("bad.yaml", "inputz: {}"))
    assert "Did you mean `inputs`?" in found["configuration"]["text"]
    assert (status, found["configuration"]["mend"]) == (1, f"hekate validate {bench.path('bad.yaml')}")


def test_a_sound_machine_is_called_so_and_a_running_host_is_noticed(bench):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        taken = {"type": "udp", "address": f"127.0.0.1:{free.getsockname()[1]}"}
    inputs = {"a": {"type": "generate", "lines": ["x"], "rate": 1}, "b": taken}
    config = {"inputs": inputs, "outputs": {"o": to_json("o.jsonl")}}
    host = bench.start(config).ready()
    said = hekate("doctor", host.config_path, cwd=bench.folder)

    assert said.returncode == 0, said.stdout
    assert "WRONG" not in said.stdout
    assert f"ok    inputs.b: The running host, process {host.pid}, listens on {taken['address']}.\n" in said.stdout
    assert "ok    jail: A sandbox with seccomp started and ended.\n" in said.stdout
    state_dir = f"note  state_dir: A running host uses it, process {host.pid}; a second one will not start.\n"
    assert state_dir in said.stdout
    assert f"          kill {host.pid} " in said.stdout
