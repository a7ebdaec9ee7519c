"""The whole of Ferry under kills, pauses, rivals and ill destinations: nothing lost, nothing doubled."""

import contextlib
import random
import shutil
import signal
import time

import pytest

from instance import INGRESS
from load import Load
from oracle import CONTACTS, Oracle
from support import stays


class Flow:
    """Sandbox, controller, readers and writers, and the workflow running the example's mapping."""

    def __init__(self, ferry, contacts=2000):
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

    def task(self, role, worker=None):
        """What the workers of a role tell now: {worker: status}, or the status of one."""
        told = {status["worker"]: status
                for status in self.ferry.topics.documents("status").values()
                if status and (status["workflow"], status["role"]) == (INGRESS, role)}
        return told if worker is None else told.get(worker, {})

    def owned(self, writer):
        status = self.task("writer", writer.name)
        return len(status.get("partitions", {}).get("contact", ())) if (
            status.get("state") == "RUNNING") else 0

    def wait_until_owned(self, *shares, timeout=60):
        """shares: (writer, how many of the 8 partitions)."""
        self.ferry.wait_until(lambda: all(self.owned(writer) == share for writer, share in shares),
                              timeout, "partitions are shared out: " + ", ".join(
                                  f"{writer.name} {share}" for writer, share in shares))

    def wait_for_reader(self, name):
        self.ferry.wait_until(lambda: self.task("reader", name).get("state") == "RUNNING", 60,
                              f"{name} reads")

    @contextlib.contextmanager
    def slow_pages(self):
        """Pages that dribble in: most of the time a reader is in the middle of one."""
        fault = self.admin.fault("dynamics", "slowBody", ms=10, match={"path": "/contacts?"})
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
        self.left_open += bool(self.flow.oracle.open_in("changes.contact"))  # writers tell checkpoints, too
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
    flow.admin.set(campaignLatencyMs=100)
    flow.start()
    with flow.slow_pages(), Load(flow.ferry, per_second) as load:
        for one in order:
            one()
        # Chance decides what a kill meets; it has to have met both before the oracle says anything.
        for one in order * 2:
            if kills.left_open and kills.in_flight:
                break
            one()
    flow.oracle.assert_delivered(timeout=180)
    print(f"{kills.left_open} kills left a transaction open, {kills.in_flight} had requests in "
          f"flight, {flow.oracle.repeated} requests were repeated, {load.done}")
    return kills


def test_reader_and_writer_are_killed_five_times_each(flow):
    kills = kill(flow, 5, per_second=40)
    assert kills.left_open >= 1, "a kill left a transaction open"
    assert kills.in_flight >= 1, "a kill met requests in flight"


def test_paused_beyond_their_sessions_they_find_rivals_that_wrote_newer_values(flow):
    flow.start()
    first_reader, first_writer = flow.reader, flow.writer
    with flow.slow_pages(), Load(flow.ferry, per_second=60):
        flow.admin.set(campaignLatencyMs=100)
        flow.wait_for_more(flow.accepted, 300)
        first_writer.pause()
        first_reader.pause()
        second_reader = flow.ferry.start_reader(1, dynamics_page_size=100)
        second_writer = flow.ferry.start_writer(1)
        flow.wait_until_owned((second_writer, 8))
        flow.wait_for_reader(second_reader.name)
        flow.wait_for_more(flow.accepted, 200)
        first_writer.resume()
        first_reader.resume()
        flow.wait_until_owned((first_writer, 4), (second_writer, 4))
        flow.wait_for_more(flow.accepted, 200)
    flow.oracle.assert_delivered()
    assert first_writer.events("stood_still"), "the writer saw that it had been away"
    assert first_reader.events("revoked"), "the reader saw that it had been away"


def test_readers_and_writers_come_and_go_under_load(flow):
    flow.start()
    with flow.slow_pages(), Load(flow.ferry, per_second=60):
        flow.wait_for_more(flow.accepted, 100)
        second_reader = flow.ferry.start_reader(1, dynamics_page_size=100)
        second_writer = flow.ferry.start_writer(1)
        flow.wait_until_owned((flow.writer, 4), (second_writer, 4))
        flow.wait_for_more(flow.accepted, 100)
        flow.writer.stop()
        flow.wait_until_owned((second_writer, 8))
        flow.reader.stop()
        flow.wait_for_reader(second_reader.name)
        flow.writer.start()
        flow.wait_until_owned((flow.writer, 4), (second_writer, 4))
        flow.reader.start()
        second_writer.stop()
        flow.wait_until_owned((flow.writer, 8))
        second_reader.stop()
        flow.wait_for_reader(flow.reader.name)
        flow.wait_for_more(flow.accepted, 100)
    flow.oracle.assert_delivered()


def test_stopped_in_the_middle_of_a_backlog_and_started_again(flow):
    flow.admin.set(campaignLatencyMs=300)
    flow.start()
    flow.wait_for_more(flow.accepted, 200)
    flow.ferry.ctl("stop", INGRESS, "--wait")
    left = flow.ferry.topics.lag(INGRESS)
    assert left > 0, "a backlog was left"
    flow.ferry.wait_until(lambda: flow.ferry.backlog() == left, 10, "ferryctl shows the same")
    before = flow.accepted()
    with Load(flow.ferry, per_second=60) as load:
        stays(lambda: (flow.accepted(), flow.ferry.topics.lag(INGRESS)) == (before, left), 2,
              "nothing moves while STOPPED", interval=0.2)
        assert load.edits > 0
        flow.admin.set(campaignLatencyMs=10)
        flow.start()
        flow.wait_for_more(flow.accepted, 200)
        flow.ferry.ctl("stop", INGRESS, "--wait")
        flow.start()
    flow.oracle.assert_delivered()


def test_writer_with_an_empty_disk_makes_no_call_for_what_is_unchanged(flow):
    flow.start()
    flow.oracle.wait_until_settled()
    flow.writer.stop()
    shutil.rmtree(flow.ferry.folder / "writer-0.state")
    flow.writer.start()
    flow.wait_until_owned((flow.writer, 8))
    calls = flow.accepted()
    touched = flow.oracle.log_count() + 1500
    assert flow.admin.touch("contact", 1500, seed=3, column="jobtitle")["changed"] == 1500
    flow.ferry.wait_until(lambda: flow.oracle.log_count() == touched)
    flow.oracle.assert_delivered()
    assert flow.accepted() == calls, "no call for an unchanged record"
    assert flow.admin.touch("contact", 10, seed=4)["changed"] == 10
    flow.oracle.assert_delivered()
    assert flow.accepted() == calls + 10, "one for a changed one"


def test_controllers_are_killed_and_doubled_around_start_and_stop(flow, monkeypatch):
    controller = flow.controller

    def crash_at(step):
        controller.kill9()
        monkeypatch.setenv("FERRY_CRASH_AT", step)
        controller.start()
        monkeypatch.delenv("FERRY_CRASH_AT")

    def crashed():
        assert controller.wait_for_exit() == -signal.SIGKILL, "the fault happened"
        controller.start()

    with Load(flow.ferry, per_second=40):
        crash_at("launch-ready")
        flow.ferry.ctl("start", INGRESS)
        crashed()
        flow.ferry.wait_until(lambda: flow.ferry.status() == "RUNNING")
        flow.wait_for_more(flow.accepted, 100)
        controller.kill9()
        flow.wait_for_more(flow.accepted, 50)  # they work without it
        crash_at("journal-committed")
        flow.ferry.ctl("stop", INGRESS, check=False)
        crashed()
        flow.ferry.wait_until(lambda: flow.ferry.status() == "STOPPED")
        rival = flow.ferry.start_controller(1)
        flow.ferry.ctl("start", INGRESS, "--wait", server=rival)
        flow.wait_for_more(flow.accepted, 50)
        assert flow.ferry.status() == "RUNNING", "the first one, fenced, still tells"
        flow.ferry.ctl("stop", INGRESS, "--wait", server=rival)
        rival.kill9()
        flow.ferry.wait_until(lambda: flow.ferry.ctl("start", INGRESS, check=False).returncode == 0,
                              60, "the first one takes over")
    flow.oracle.assert_delivered()


# What to be told of; a token that is refused is renewed without a word. (Links that point elsewhere
# are in test_bad_input.py.)
CAMPAIGN_FAULTS = [
    ("status429", {"retryAfter": 1}), ("status503", {}), ("status502oops", {}), ("lostReply", {}),
    ("dropBeforeReply", {}), ("html", {}), ("status500text", {"text": "ORA-00060: deadlock"})]
DYNAMICS_FAULTS = [
    ("status429", {"retryAfter": 1}), ("status503", {}), ("lostReply", {}), ("dropBeforeReply", {}),
    ("html", {})]


class Illness:
    """A system that answers badly until its users were told; then it gets well."""

    def __init__(self, flow, system):
        self.flow = flow
        self.system = system

    def warned(self):
        return self.flow.ferry.workflow()["warnings"]

    def suffer(self, kind, members):
        admin, ferry = self.flow.admin, self.flow.ferry
        fault = admin.fault(self.system, kind, **members)
        ferry.wait_until(self.warned, 60, f"a warning of {self.system}'s {kind} {members}")
        fired = next(one["fired"] for one in admin.faults() if one["id"] == fault)
        assert fired > 0, "the fault happened"
        assert ferry.status() == "RUNNING"
        admin.clear_faults()
        self.flow.wait_for_more(self.flow.accepted, 5, timeout=90)
        ferry.wait_until(lambda: not self.warned(), 60, f"{kind} is over, and so is the warning")

    def lose_its_tokens(self, count):
        admin = self.flow.admin
        admin.fault(self.system, "tokenRevoked", count=count)
        self.flow.ferry.wait_until(
            lambda: admin.stats()[self.system]["faults"].get("tokenRevoked", 0) >= count, 60)
        self.flow.wait_for_more(self.flow.accepted, 5, timeout=90)


@pytest.mark.parametrize("system,faults", [("campaign", CAMPAIGN_FAULTS),
                                           ("dynamics", DYNAMICS_FAULTS)])
def test_ill_systems_cost_time_but_no_record(flow, system, faults):
    flow.start()
    illness = Illness(flow, system)
    with Load(flow.ferry, per_second=60):
        flow.wait_for_more(flow.accepted, 100)
        for kind, members in faults:
            illness.suffer(kind, members)
        illness.lose_its_tokens(3)
    flow.oracle.assert_delivered()
    if system == "campaign":
        assert flow.oracle.repeated > 0, "a request was repeated"
