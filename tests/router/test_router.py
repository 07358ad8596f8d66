"""The router and the queues behind it, with sandboxes that only write down what they were given."""

import pytest

from host.config.model import Queue
from host.packs.ledger import TablePack
from host.packs.protocol import NEVER_MATCHES, Report, Said
from host.pipeline.consumers.base import Consumer
from host.pipeline.consumers.filter import FilterConsumer
from host.router.router import Router
from host.sandbox.assignment import Assignment
from host.telemetry.metrics import ComponentMetrics


class FakeArena:
    used_slots = 0
    pinned_slots = 0
    free_slots = 100


class FakeSandbox:
    """Takes so many packs, and says done when it is told to."""

    def __init__(self, consumer, window=1):
        self.consumer = consumer
        self.window = window
        self.state = "running"
        self.work = {}
        self.given = []
        self.arena = FakeArena()
        self.journal = None
        self.needs = b""
        consumer.sandbox = self

    @property
    def room(self):
        return self.state == "running" and len(self.work) < self.window

    @property
    def idle(self):
        return not self.work

    def give(self, pack, done_to, first_record=0):  # noqa: ARG002 -- as of a sandbox
        self.given.append(pack.offset)
        self.work[len(self.given)] = Assignment(len(self.given), pack, done_to, 0)

    def done(self, flags=0):
        number = min(self.work)
        work = self.work.pop(number)
        report = Report(Said.DONE, number, 0, 0, 0, 0, work.pack.count, 0, 0, 0, flags, 0)
        self.consumer._learn(work, report)
        self.consumer.release(work.pack)
        self.consumer.on_room(self)


class Setting:
    def __init__(self):
        self.router = Router(ComponentMetrics("router", "router", "router"))
        self.freed = []
        self.number = 0
        self.arena = FakeArena()

    def consumer(self, cls=Consumer, made_by="", window=1, **queue):
        metrics = ComponentMetrics("outputs", "test", "test")
        more = {"route": self.route, "restarts": True, "max_loops": 1} if cls is FilterConsumer else {}
        consumer = cls("test", Queue(**queue), metrics, None, self.router.forget_routes, made_by=made_by, **more)
        sandbox = FakeSandbox(consumer, window)
        self.router.add([consumer])
        return consumer, sandbox

    def route(self, shapes=b"a", made_by="", count=10, loop_depth=0):
        self.number += 1
        pack = TablePack(
            self.arena, self.number, 1, count, shapes, made_by, loop_depth, 0, 0, None, None, self.freed.append, 0
        )  # fmt: skip
        self.router.route(pack)
        return self.number


@pytest.fixture
def setting():
    return Setting()


def test_every_consumer_gets_every_pack_in_order_and_the_last_one_frees_it(setting):
    (_, one), (_, two) = setting.consumer(), setting.consumer(window=5)
    packs = [setting.route() for _ in range(3)]

    assert (one.given, two.given) == (packs[:1], packs)
    for _ in packs:
        two.done()
    assert setting.freed == []
    for _ in packs:
        one.done()
    assert (one.given, setting.freed) == (packs, packs)


def test_a_pack_that_nobody_wants_is_counted_and_freed(setting):
    pack = setting.route(count=7)

    assert setting.freed == [pack]
    assert setting.router.metrics.drops == {"no_consumer": 7}


def test_a_consumer_that_can_never_match_a_kind_of_pack_gets_no_other(setting):
    (_, one), (_, two) = setting.consumer(), setting.consumer()
    setting.route(b"kind")
    one.done(NEVER_MATCHES)
    two.done()

    second = setting.route(b"kind")
    other = setting.route(b"other")

    assert (one.given, two.given) == ([1, other], [1, second])


def test_a_filter_never_receives_its_own(setting):
    (_, one), (_, two) = setting.consumer(made_by="one"), setting.consumer(made_by="two")
    pack = setting.route(made_by="one")

    assert (one.given, two.given) == ([], [pack])


def test_a_full_queue_drops_its_oldest_and_counts_the_records(setting):
    consumer, sandbox = setting.consumer(policy="drop_oldest", max_packs=3)
    packs = [setting.route(count=10 + number) for number in range(5)]

    assert sandbox.given == packs[:1]
    assert consumer.metrics.drops == {"queue_full": 11 + 12}
    assert (setting.freed, consumer.queued) == (packs[1:3], 3)
    for _ in range(3):
        sandbox.done()
    assert sandbox.given == [packs[0], *packs[3:]]
    assert sorted(setting.freed) == packs
    assert setting.arena.pinned_slots == 0


def test_a_pack_that_a_sandbox_works_on_counts_as_queued_and_the_newest_is_never_dropped(setting):
    consumer, sandbox = setting.consumer(policy="drop_oldest", max_packs=1, window=2)
    packs = [setting.route() for _ in range(4)]

    assert (sandbox.given, consumer.queued) == (packs[:2], 3)
    assert setting.freed == packs[2:3]


def test_a_queue_that_may_drop_does_so_before_an_arena_has_no_slot_left(setting):
    consumer, _ = setting.consumer(policy="drop_oldest", max_packs=100)
    packs = [setting.route() for _ in range(5)]
    setting.arena.free_slots = 1

    packs.append(setting.route())

    assert setting.freed == packs[1:5]
    assert consumer.metrics.drops == {"queue_full": 40}


def test_only_what_may_be_dropped_does_not_hold_the_input_back(setting):
    setting.consumer(policy="drop_oldest")
    setting.route()
    dropping = setting.arena.pinned_slots
    setting.router.consumers.clear()
    setting.router.forget_routes()
    setting.consumer(policy="block")
    setting.route()

    assert (dropping, setting.arena.pinned_slots) == (1, 1)


@pytest.mark.parametrize("policies", [("drop_oldest", "block"), ("block", "drop_oldest")])
def test_a_successor_holds_what_it_inherits_by_its_own_policy(setting, policies):
    (old, _), (new, taking) = (setting.consumer(policy=policy, max_packs=9) for policy in policies)
    setting.router.remove(new)
    packs = [setting.route() for _ in range(3)]

    new.adopt(old.drain())

    assert setting.arena.pinned_slots == (3 if policies[1] == "drop_oldest" else 0)
    for _ in packs:
        taking.done()
    assert (setting.freed, setting.arena.pinned_slots) == (packs, 0)


def test_a_queue_that_blocks_keeps_everything(setting):
    consumer, sandbox = setting.consumer(policy="block", max_packs=2)
    packs = [setting.route() for _ in range(20)]

    assert (consumer.queued, consumer.metrics.queue_packs_max, setting.freed) == (20, 20, [])
    for _ in packs:
        sandbox.done()
    assert (sandbox.given, setting.freed, consumer.idle) == (packs, packs, True)


def test_a_filter_that_was_stopped_holds_nobody_up(setting):
    consumer, sandbox = setting.consumer(FilterConsumer)
    sandbox.state = "stopped"
    pack = setting.route(count=3)

    assert (setting.freed, consumer.metrics.drops) == ([pack], {"stopped": 3})


def test_a_filter_with_much_on_its_way_gets_only_what_filters_inject(setting):
    _, sandbox = setting.consumer(FilterConsumer, made_by="one", window=1)
    sandbox.arena.used_slots = 16
    new, again = setting.route(), setting.route(made_by="two", loop_depth=1)

    sandbox.consumer.on_room(sandbox)
    assert sandbox.given == [again]
    sandbox.done()
    assert sandbox.given == [again]
    sandbox.arena.used_slots = 3
    sandbox.consumer.on_room(sandbox)
    assert sandbox.given == [again, new]


def test_what_is_taken_out_gets_nothing_more_and_lets_go(setting):
    consumer, sandbox = setting.consumer()
    packs = [setting.route(count=5) for _ in range(3)]
    setting.router.remove(consumer)
    consumer.drop_all("removed")

    assert setting.freed == packs
    assert consumer.metrics.drops == {"removed": 15}
    assert (consumer.idle, sandbox.given) == (True, packs[:1])
    setting.router.remove(consumer)
