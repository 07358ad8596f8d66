"""The wheel is complete, works without the checkout, and is not built when a part is missing."""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load_hook():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "scripts" / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hook = load_hook()


@pytest.fixture
def checkout(tmp_path):
    """Return a folder with the files that the hook looks at, all present."""
    shutil.copytree(ROOT / "scripts" / "page_vendor", tmp_path / "scripts" / "page_vendor")
    for path in ["docs/hekate.1", *(f"{hook.VENDOR}/{name}" for name in hook.bundle_names(tmp_path))]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    return tmp_path


def run_hook(root, version="standard"):
    hook.WheelHook(str(root), {}, None, None, str(root), "wheel").initialize(version, {})


@pytest.fixture
def without_npm(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.mark.usefixtures("without_npm")
def test_a_complete_checkout_is_accepted(checkout):
    run_hook(checkout)


@pytest.mark.usefixtures("without_npm")
@pytest.mark.parametrize(
    "path",
    ["docs/hekate.1", *(f"{hook.VENDOR}/{name}" for name in ("charts.css", "charts.js", "editor.js", "LICENCES.txt"))],
)
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("")], ids=["missing", "empty"])
def test_a_missing_or_empty_file_fails_the_build_and_is_named(checkout, path, damage):
    damage(checkout / path)

    with pytest.raises(RuntimeError, match=path) as failure:
        run_hook(checkout)

    assert "scripts/build_page" in str(failure.value)


@pytest.mark.usefixtures("without_npm")
def test_an_editable_installation_needs_no_bundles(checkout):
    shutil.rmtree(checkout / hook.VENDOR)

    run_hook(checkout, "editable")


def test_a_failing_build_of_the_page_fails_the_wheel(checkout, monkeypatch):
    programs = checkout / "bin"
    programs.mkdir()
    for path in (programs / "npm", checkout / "scripts" / "build_page"):
        path.write_text("#!/bin/sh\nexit 69\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    with pytest.raises(RuntimeError, match="scripts/build_page failed"):
        run_hook(checkout)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel. The locked build backend of this environment is used, so no network is needed."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        str(ROOT),
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        folder,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("hekate-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Return the `hekate` of a new environment that has the dependencies of this one, but not the checkout."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet", wheel]
    subprocess.run(pip, check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    dependencies = Path(pytest.__file__).parent.parent
    for path in dependencies.iterdir():
        if "hekate" not in path.name and path.suffix != ".pth" and not (site / path.name).exists():
            (site / path.name).symlink_to(path)
    return folder / "bin" / "hekate"


def run_installed(hekate, folder, *arguments, **environment):
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", **environment}
    done = subprocess.run([hekate, *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_contains_the_bundles_the_man_page_and_the_plugins(wheel):
    names = zipfile.ZipFile(wheel).namelist()

    expected = [f"{hook.VENDOR}/{name}" for name in hook.bundle_names(ROOT)]
    expected += [
        "host/py.typed",
        "host/_shipped/sandboxes/lua/decoders/json.lua",
        "host/_shipped/sandbox_stdlib/README.md",
    ]
    assert set(expected) <= set(names)
    assert [name for name in names if name.endswith(".data/data/share/man/man1/hekate.1")]


@pytest.mark.slow
def test_an_installed_wheel_runs_without_the_checkout(installed, tmp_path):
    assert run_installed(installed, tmp_path, "version").startswith("hekate 0.")
    assert "nginx_access" in run_installed(installed, tmp_path, "list", "decoders")
    assert (installed.parents[1] / "share" / "man" / "man1" / "hekate.1").is_file()


@pytest.mark.slow
def test_an_installed_wheel_runs_the_example_configuration(installed, tmp_path):
    subprocess.run([sys.executable, ROOT / "scripts" / "sample_data", tmp_path], cwd=ROOT, check=True)
    (config,) = installed.parents[1].glob("lib/python*/site-packages/host/_shipped/conf/examples/sample.yaml")

    output = run_installed(installed, tmp_path, "run", "--once", str(config), SAMPLE_DIR=str(tmp_path))

    assert output
    assert (tmp_path / "errors.jsonl").stat().st_size
