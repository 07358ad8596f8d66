"""The watcher by itself: told by the system, or looking for itself where the system tells nothing."""

import asyncio

import pytest

from host.hotload import watcher
from host.hotload.watcher import Watcher


class Watched:
    """A watcher, and how often it called."""

    def __init__(self, folder, **options):
        self.calls = 0
        self.called = asyncio.Event()
        self.watcher = Watcher(folder, self._changed, **options)

    def _changed(self):
        self.calls += 1

        self.called.set()

    async def until(self, calls):
        async with asyncio.timeout(20):
            while self.calls < calls:
                self.called.clear()
                await self.called.wait()


@pytest.mark.parametrize("polling", [False, True])
def test_what_is_written_moved_or_removed_is_told(tmp_path, monkeypatch, polling):
    monkeypatch.setattr(watcher, "_POLL_S", 0.05)
    folder = tmp_path / "plugins"
    (folder / "filters").mkdir(parents=True)

    async def main():
        watched = Watched(folder, polling=polling)
        watched.watcher.start()
        try:
            path = folder / "filters" / "mine.lua"
            path.write_text("one")
            await watched.until(1)
            before = watched.calls
            path.write_text("another")
            await watched.until(before + 1)
            before = watched.calls
            path.rename(path.with_name("other.lua"))
            await watched.until(before + 1)
            before = watched.calls
            (folder / "filters" / "other.lua").unlink()
            await watched.until(before + 1)
        finally:
            watched.watcher.stop()

    asyncio.run(main())


def test_where_the_system_has_no_watches_left_it_looks_for_itself(tmp_path, monkeypatch):
    class NoObserver(watcher.Observer):
        def schedule(self, *_arguments, **_options):
            raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(watcher, "Observer", NoObserver)
    monkeypatch.setattr(watcher, "_POLL_S", 0.05)

    async def main():
        watched = Watched(tmp_path)
        watched.watcher.start()
        try:
            (tmp_path / "mine.lua").write_text("one")
            await watched.until(1)
        finally:
            watched.watcher.stop()

    asyncio.run(main())


@pytest.mark.parametrize("comes", [True, False])
def test_a_directory_that_comes_or_goes_just_as_the_watch_begins_is_noticed(tmp_path, monkeypatch, comes):
    folder = tmp_path / "plugins"
    if not comes:
        folder.mkdir()

    class LateObserver(watcher.Observer):
        def start(self):
            if not list(tmp_path.glob("seen")):
                (tmp_path / "seen").touch()
                (folder.mkdir if comes else folder.rmdir)()
            super().start()

    monkeypatch.setattr(watcher, "Observer", LateObserver)

    async def main():
        watched = Watched(folder)
        watched.watcher.start()
        try:
            folder.mkdir(exist_ok=True)
            (folder / "mine.lua").write_text("one")
            await watched.until(1)
        finally:
            watched.watcher.stop()

    asyncio.run(main())


def test_a_steady_writer_does_not_put_off_what_others_wrote(tmp_path):
    """One file is written all the time; the call comes all the same."""

    async def main():
        watched = Watched(tmp_path)
        watched.watcher.start()
        try:
            async with asyncio.timeout(20):
                while watched.calls < 3:
                    (tmp_path / "busy.lua").write_text("again")
                    await asyncio.sleep(0.005)
        finally:
            watched.watcher.stop()

    asyncio.run(main())


@pytest.mark.parametrize(
    "name", [".mine.lua.swp", "mine.lua~", "#mine.lua#", ".#mine.lua", "4913", "mine.txt", "a.yaml"]
)
def test_names_that_are_not_ours(tmp_path, name):
    assert not watcher.is_plugin_file(tmp_path / name)


@pytest.mark.parametrize("name", ["mine.lua", "mine.cases.yaml", "mine.cfg"])
def test_names_that_are_ours(tmp_path, name):
    assert watcher.is_plugin_file(tmp_path / name)
