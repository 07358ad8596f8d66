"""The router: a pack goes to every consumer that may want something of it.

It never looks at a record. A pack's shapes (Types, Loggers, field names) are one string of bytes, the same for packs of
the same kind. A consumer whose matcher asks for another Type or Logger never gets such packs; one whose matcher
cannot match them for another reason has said so after the first. So a pack costs one look-up, however many consumers
there are.
"""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from host.packs.ledger import TablePack
from host.router.consumer import PackConsumer
from host.router.match_cache import MAX_KEPT_SHAPES_BYTES
from host.router.matcher_requirements import kinds_of
from host.telemetry.metrics import ComponentMetrics

_MAX_ROUTES = 10_000

Consumer = TypeVar("Consumer", bound=PackConsumer)


class Router(Generic[Consumer]):
    """Gives packs to consumers.

    Args:
        metrics: Of the router.
    """

    def __init__(self, metrics: ComponentMetrics) -> None:
        self.metrics = metrics
        self.consumers: list[Consumer] = []
        self.on_pack: Callable[[TablePack], None] | None = None
        """Called with each pack before any consumer gets it. It must retain a pack that it keeps."""
        self._routes: dict[tuple[bytes, str], list[Consumer]] = {}

    def add(self, consumers: Iterable[Consumer]) -> None:
        """Add consumers, from the next pack on."""
        self.consumers.extend(consumers)
        self.forget_routes()

    def remove(self, consumer: Consumer) -> None:
        """Remove a consumer, from the next pack on. Do nothing if it was never added."""
        if consumer in self.consumers:
            self.consumers.remove(consumer)
            self.forget_routes()

    def replace(self, old: Consumer, new: Consumer) -> None:
        """Replace a consumer, from the next pack on."""
        self.consumers[self.consumers.index(old)] = new
        self.forget_routes()

    def forget_routes(self) -> None:
        """Discard the known routes, because something they depend on has changed."""
        self._routes.clear()

    def route(self, pack: TablePack) -> None:
        """Give a pack to every consumer that may match it, then release it."""
        metrics = self.metrics
        metrics.packs_received += 1
        metrics.records_received += pack.count
        consumers = self._routes.get((pack.shapes, pack.made_by))
        if consumers is None:
            consumers = self._find(pack)
        if not consumers:
            metrics.count_drop("no_consumer", pack.count)
        if self.on_pack is not None:
            self.on_pack(pack)
        for consumer in consumers:
            consumer.take(pack)
        pack.release()

    def _find(self, pack: TablePack) -> list[Consumer]:
        """Return the consumers that may match packs like this one. A filter never receives what it injected itself."""
        if len(self._routes) >= _MAX_ROUTES:
            self._routes.clear()
        kinds = kinds_of(pack.shapes)
        wanted = [consumer for consumer in self.consumers if consumer.wants(pack, kinds)]
        if len(pack.shapes) <= MAX_KEPT_SHAPES_BYTES:
            self._routes[pack.shapes, pack.made_by] = wanted
        return wanted
