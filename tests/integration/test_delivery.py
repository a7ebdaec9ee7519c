"""The whole of Ferry under kills, pauses, rivals and ill destinations: nothing lost, nothing doubled."""

import contextlib
import random
import shutil
import signal
import time

import pytest

from load import Load
from oracle import CONTACTS, RESOURCE, Oracle
from support import wait_until


class Flow:
    """Sandbox, controller, readers and writers, and the workflow running the example's mapping."""

    def __init__(self, ferry, contacts=2000, **settings):
        self.ferry = ferry
        self.sandbox = ferry.start_sandbox(contacts=contacts, campaign_latency_ms=10)
        self.admin = self.sandbox.admin
        self.controller = ferry.start_controller()
        self.reader = ferry.start_reader(dynamics_page_size=100)
        self.writer = ferry.start_writer()
        ferry.apply(CONTACTS)
        self.oracle = Oracle(ferry)
        self.random = random.Random(ferry.seed)

    def start(self):
        self.ferry.start()
        return self

    def accepted(self):
        calls = self.admin.stats()["campaign"]["calls"]
        return calls["insert"] + calls["update"] + calls["delete"]

    def served(self):
        calls = self.admin.stats()["dynamics"]["calls"]
        return calls["page"] + calls["delta"]

    def wait_for_more(self, count, at_least=1, timeout=60):
        """Until the count (a method of ours) has grown."""
        before = count()
        self.ferry.wait_until(lambda: count() >= before + at_least, timeout,
                              f"{count.__name__} grows by {at_least}")

    def random_moment(self, longest=0.5):
        self.at(self.random.uniform(0, longest))

    def at(self, seconds):
        moment = time.monotonic() + seconds
        self.ferry.wait_until(lambda: time.monotonic() >= moment, seconds + 10)

    @contextlib.contextmanager
    def slow_pages(self):
        """Pages that dribble in: most of the time a reader is in the middle of one."""
        fault = self.admin.fault("dynamics", "slowBody", ms=2, match={"path": "/contacts?"})
        yield
        self.admin.call("DELETE", f"/faults/{fault}")


class Kills:
    """Counts what the kills hit."""

    def __init__(self, flow):
        self.flow = flow
        self.left_open = 0
        self.in_flight = 0

    def reader(self):
        self.flow.wait_for_more(self.flow.served)
        self.flow.random_moment()
        self.flow.reader.kill9()
        self.left_open += bool(self.flow.oracle.open_in("changes.contact", "checkpoints"))
        self.flow.reader.start()

    def writer(self):
        self.flow.wait_for_more(self.flow.accepted, self.flow.random.randint(1, 60))
        self.flow.random_moment()
        self.flow.writer.kill9()
        self.in_flight += self.flow.admin.stats()["campaign"]["inFlight"] > 0
        self.left_open += bool(self.flow.oracle.open_in("written.contact"))
        self.flow.writer.start()


@pytest.fixture
def flow(ferry):
    return Flow(ferry)


def kill(flow, times, per_second):
    kills = Kills(flow)
    order = [kills.reader, kills.writer] * times
    flow.random.shuffle(order)
    flow.start()
    with flow.slow_pages(), Load(flow.ferry, per_second) as load:
        for one in order:
            one()
    flow.oracle.assert_delivered(timeout=180)
    print(f"{kills.left_open} kills left a transaction open, {kills.in_flight} had requests in "
          f"flight, {flow.oracle.repeated} requests were repeated, {load.done}")
    return kills


def test_reader_and_writer_are_killed_five_times_each(flow):
    kills = kill(flow, 5, per_second=40)
    assert kills.left_open >= 1, "a kill left a transaction open"
    assert kills.in_flight >= 1, "a kill met requests in flight"
