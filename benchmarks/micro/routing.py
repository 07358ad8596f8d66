"""Measures the router alone: the cost of a pack by the number of consumers that take it and that do not."""

import time
from collections.abc import Iterator

from host.config.model import Queue
from host.packs.arena import Arena
from host.packs.ledger import TablePack
from host.pipeline.consumers.base import Consumer
from host.router.router import Router
from host.telemetry.metrics import Registry

_PACKS = 20_000
_SHAPES = b"one kind of pack"
_SLOT_BYTES = 4096


class _FastConsumer(Consumer):
    """Takes packs of one kind and finishes each immediately."""

    def take(self, pack: TablePack) -> None:
        pack.retain()
        pack.release()


def _pack(arena: Arena) -> TablePack:
    return TablePack(arena, 0, _SLOT_BYTES, 1, _SHAPES, "", 0, 0, 0, None, None, lambda _offset: None, 0)


def _consumers(
    count: int, registry: Registry, router: Router[Consumer], arena: Arena, *, wanting: bool
) -> list[Consumer]:
    consumers: list[Consumer] = []
    for number in range(count):
        name = f"{'takes' if wanting else 'never'}_{number}"
        metrics = registry.component("filters", name, "other")
        consumer = _FastConsumer(name, Queue(), metrics, None, router.forget_routes)  # type: ignore[arg-type]
        if not wanting:
            consumer.kinds.learn(_pack(arena), never=True)
        consumers.append(consumer)
    return consumers


def _cost_us(taking: int, never: int) -> float:
    registry = Registry()
    router: Router[Consumer] = Router(registry.component("router", "router", "router"))
    arena = Arena("bench", _SLOT_BYTES, 1, host_writes=True)
    router.add(_consumers(taking, registry, router, arena, wanting=True))
    router.add(_consumers(never, registry, router, arena, wanting=False))
    packs = [_pack(arena) for _ in range(_PACKS)]
    start_s = time.process_time()
    for each in packs:
        router.route(each)
    cpu_s = time.process_time() - start_s
    arena.close()
    return cpu_s / _PACKS * 1e6


def measurements() -> Iterator[tuple[str, str, float]]:
    """Yield the component, a description, and microseconds per pack."""
    for taking, never in ((1, 0), (1, 50), (3, 0), (3, 50)):
        yield "router", f"a pack that {taking} consumers take and {never} never do", _cost_us(taking, never)
